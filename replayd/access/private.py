"""Files and folders that nobody else can read, change or put another one in place of."""

import os
import stat
from pathlib import Path

from replayd.errors import ConfigError

_LARGEST = 1 << 20
"""Bytes of a file with tokens or keys: far above what one holds."""


def read_private(path: Path, option: str) -> bytes:
    """Reads a file that only its owner can; raises ConfigError, naming the option."""
    try:
        # A pipe without a writer would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise ConfigError(f"{option} {path}: {error.strerror}") from error
    try:
        _check_private(os.fstat(descriptor), f"{option} {path}", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(_LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST:
        raise ConfigError(f"{option} {path}: it is larger than {_LARGEST} bytes")
    return content


def _check_private(status: os.stat_result, what: str, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{what}: it is no file")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{what}: it belongs to another user; make it yours")
    if status.st_mode & 0o077:
        raise ConfigError(f"{what}: others can read or change it; run `chmod 600 {path}`")


def private_folder(folder: Path, option: str) -> None:
    """Makes a folder that only this user can enter, or checks that nobody else can change it,
    nor put another one in its place. Raises ConfigError, naming the option.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        statuses = [each.stat() for each in _way(folder)]
        links = [each.lstat() for each in (folder, *folder.parents)]
    except OSError as error:
        raise ConfigError(f"{option}: the folder {folder} can't be used: {error}") from error
    # Whoever owns the root folder can change everything anyway: root, or, in a user namespace,
    # where its id may have no name, who stands for root.
    owners = {os.geteuid(), 0, Path("/").stat().st_uid}
    if not {each.st_uid for each in (*statuses, *links)} <= owners:
        raise ConfigError(
            f"{option}: the folder {folder}, or one that it lies in, belongs to another user, "
            "who could put another one in its place; choose another one"
        )
    for path, status in zip(_way(folder), statuses, strict=True):
        if _changeable(status, last=path == folder.resolve()):
            raise ConfigError(
                f"{option}: others can change the folder {path}, and so take the place of what "
                f"is in it; run `chmod go-w {path}` or choose another one"
            )


def _way(folder: Path) -> tuple[Path, ...]:
    real = folder.resolve()
    return real, *real.parents


def _changeable(status: os.stat_result, *, last: bool) -> bool:
    if status.st_mode & stat.S_ISVTX:
        return False
    # Many systems give each user a group of its own, and let it write.
    group = 0o020 if last or status.st_gid != os.getegid() else 0
    return bool(status.st_mode & (0o002 | group))

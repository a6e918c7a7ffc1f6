"""The token that the daemon makes for its loopback addresses, where nobody gave it others.

It is made anew at each start, and lies in a file of its own for each address, in a folder of
this user: whoever knows an address finds its token, however many daemons the user runs.
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from replayd.access.private import private_folder
from replayd.errors import ConfigError

_log = logging.getLogger(__name__)


def make_token() -> str:
    """Makes a token of 256 random bits."""
    return secrets.token_urlsafe(32)


@contextmanager
def token_files(folder: Path, token: str, addresses: Sequence[str]) -> Iterator[None]:
    """Keeps a file with the token for each address (as clients write it) in a folder.

    Raises ConfigError when nothing can be kept there.
    """
    private_folder(folder.parent, "--listen HOST:PORT")
    private_folder(folder, "--listen HOST:PORT")
    _sweep(folder)
    with ExitStack() as stack:
        for address in addresses:
            path = folder / address
            stack.enter_context(_token_file(path, token))
            _log.info("callers of %s need the token in %s", address, path)
        yield


@contextmanager
def _token_file(path: Path, token: str) -> Iterator[None]:
    """A file with the token, which nobody ever sees unfinished; locked as long as it is good."""
    try:
        file = _written(path, token)
    except OSError as error:
        raise ConfigError(
            f"--listen HOST:PORT: {path}, which callers need, can't be written: {error.strerror}; "
            "make room, or give --token-file"
        ) from error
    with file:
        yield
        path.unlink(missing_ok=True)


def _written(path: Path, token: str) -> IO[str]:
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with ExitStack() as failed:
        file = failed.enter_context(os.fdopen(os.open(made, flags, 0o600), "w"))
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(token + "\n")
        file.flush()
        made.rename(path)
        failed.pop_all()
        return file


def _sweep(folder: Path) -> None:
    """Removes the files of daemons that were killed."""
    for path in folder.iterdir():
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            # Its daemon runs, or another one has swept.
            continue

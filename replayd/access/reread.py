"""A value that is read from files, and read again when one of them has changed."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from replayd.errors import ConfigError

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Reread(Generic[T]):
    """The value of some files. Any thread may ask for it."""

    def __init__(self, paths: Sequence[Path], read: Callable[[], T]) -> None:
        """Reads it; raises the ConfigError of `read`, which later is only logged."""
        self._paths = paths
        self._read = read
        self._seen = self._signs()
        self._value = read()

    def current(self) -> T:
        """Returns the value as the files say it now; when what they say makes no sense, as
        they said it before.
        """
        signs = self._signs()
        if signs != self._seen:
            self._seen = signs
            self._renew()
        return self._value

    def _renew(self) -> None:
        names = ", ".join(map(str, self._paths))
        try:
            self._value = self._read()
        except ConfigError as error:
            _log.error("%s; what was read before still holds", error)
        else:
            _log.info("%s changed and was read again", names)

    def _signs(self) -> list[tuple[int, ...]]:
        return [_sign(path) for path in self._paths]


def _sign(path: Path) -> tuple[int, ...]:
    """What changes with a file: also when another one takes its place, or its mode changes."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns

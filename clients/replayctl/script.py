"""The Python file of `replayctl hook`: read, and read again when it has changed.

Its functions are called by name, so that a new version counts from the next call on. One
that can't be read changes nothing: what is wrong is printed, and the last good one stays.
"""

import asyncio
import inspect
import linecache
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from flowreplay_client import Hook, HookFlow, HookSettings
from flowreplay_client.hook import POINTS

from replayctl.output import note


class ScriptError(Exception):
    """The script can't be used; the text says why."""


class Script:
    """A script, with the hook that its functions make up."""

    def __init__(self, path: Path, name: str, settings: HookSettings) -> None:
        """Raises ScriptError; ValueError for settings that make no sense."""
        self._path = path.resolve()
        self.hook = Hook(name, **settings)
        sys.path.insert(0, str(self._path.parent))
        self._seen = self._stamp()
        try:
            self._functions = self._read()
        except Exception as error:
            raise ScriptError(f"{path} can't be read:\n{_told(error)}") from error
        if not self._functions:
            raise ScriptError(f"{path} has no function {', '.join(POINTS)}")
        self._take_points()

    async def other_points(self, seconds: float) -> None:
        """Looks so often whether the script has changed; returns once its functions are for
        other points, as the hook then is, too.
        """
        while set(self._functions) == set(self.hook.functions) or not self._functions:
            await asyncio.sleep(seconds)
            self.refresh()
        self._take_points()

    def refresh(self) -> None:
        """Reads the script again if it has changed."""
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return
        self._seen = stamp
        linecache.checkcache(str(self._path))
        try:
            self._functions = self._read()
        except Exception as error:  # noqa: BLE001 - whatever a script does
            note(f"{self._path} can't be read, the last version stays")
            print(_told(error), file=sys.stderr)  # noqa: T201
        else:
            note(f"{self._path} read again")

    def _take_points(self) -> None:
        self.hook.functions.clear()
        for point in self._functions:
            self.hook.at(point, partial(self._ask, point))

    def _ask(self, point: str, flow: HookFlow) -> Awaitable[None] | None:
        self.refresh()
        function = self._functions.get(point)
        with _no_exit():
            awaited = None if function is None else function(flow)
        return _await(awaited) if inspect.isawaitable(awaited) else None

    def _read(self) -> dict[str, Callable[[HookFlow], Any]]:
        module = ModuleType(self._path.stem)
        module.__file__ = str(self._path)
        # Not imported: a cache of bytecode may take a new version for the old one.
        code = compile(self._path.read_bytes(), self._path, "exec")
        with _no_exit():
            exec(code, module.__dict__)  # noqa: S102
        found = ((point, getattr(module, point, None)) for point in POINTS)
        return {point: function for point, function in found if callable(function)}

    def _stamp(self) -> tuple[int, int, int] | None:
        """What changes with the file; None: it is not there just now."""
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino


@contextmanager
def _no_exit() -> Iterator[None]:
    """Makes a script's `sys.exit` an error like any other: it would end replayctl."""
    try:
        yield
    except SystemExit as left:
        raise ScriptError(f"the script called sys.exit({left.code!r})") from left


async def _await(awaited: Awaitable[None]) -> None:
    with _no_exit():
        await awaited


def _told(error: Exception) -> str:
    # Without the lines of this module.
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(
        [frame for frame in shown.stack if frame.filename != __file__]
    )
    return "".join(shown.format()).rstrip()

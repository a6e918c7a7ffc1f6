"""The files that a command sends: where their bytes come from, what errors say of them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO

import click
from flowreplay_client import ReplaydClientError

from replayctl.printable import printable

STDIN = "-"
"""The name that stands for stdin."""


def source(name: str) -> str | FileIO:
    """Returns where a file's bytes come from; of stdin as they come, with no buffer to fill."""
    return FileIO(0, closefd=False) if name == STDIN else name


def shown(name: str) -> str:
    """Returns a file's name for people."""
    return "stdin" if name == STDIN else printable(name)


def check_stdin(files: Sequence[str]) -> None:
    """Raises a usage error when stdin can't be one of these files."""
    if files.count(STDIN) > 1:
        raise click.UsageError("stdin (-) can be read only once")
    if STDIN in files and sys.stdin.isatty():
        raise click.UsageError("stdin (-) is a terminal; redirect a capture into it")


@contextmanager
def naming(name: str, *, left_undone: str, left: Sequence[str]) -> Iterator[None]:
    """Makes errors name the file that they are about, and those that are left for it."""
    try:
        yield
    except ReplaydClientError as error:
        error.message = f"{name}: {error.message}"
        if left:
            error.add_note(f"{left_undone}: {', '.join(left)}")
        raise
    except OSError as error:
        raise click.UsageError(f"can't read {name}: {error.strerror or error}") from error

"""Progress bars: on stderr, and only where somebody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Advance = Callable[[int], None]
"""Told how much of the whole is done."""


@contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[Advance]:
    """Shows a bar while the context lasts; nothing off a terminal or without a total."""
    if not (total and sys.stderr.isatty()):
        yield lambda _done: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        # A repeated call starts again from the front; the bar waits until it is overtaken.
        yield lambda done: bar.update(max(0, done - bar.pos))

"""The commands `replayd journal ...`: for the journal of a daemon that does not run."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from replayd.config import state_folder
from replayd.errors import ReplaydError

EXIT_DAMAGED = 1
EXIT_FAILED = 4

_PROGRESS_SECONDS = 0.2


@click.group(context_settings={"auto_envvar_prefix": "REPLAYD"})
def journal() -> None:
    """Look after the journal of a daemon that does not run.

    Exit codes: 0 done, 1 something is damaged or was lost, 2 wrong usage, 4 it can't be done,
    as with the journal of a running daemon.
    """


_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=state_folder,
    show_default="your state folder",
    envvar="REPLAYD_DATA_DIR",
    help="Where the journal lives.",
)
_output = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: an object a line; the last one says how it ended.",
)


@journal.command()
@_data_dir
@_output
def check(data_dir: Path, output: str) -> None:
    """Read all of the journal and say what of it is damaged.

    Every row and file is compared with its checksum and with what refers to it. Nothing is
    changed.
    """
    from replayd.journal.sqlite.check import Checker  # noqa: PLC0415
    from replayd.journal.sqlite.stopped import looked_at  # noqa: PLC0415

    findings = 0
    with _errors(), _progress("checked") as tick, looked_at(data_dir) as stopped:
        checker = Checker(stopped, tick)
        for found in checker.run():
            findings += 1
            _say(output, f"{found.where}: {found.what}", where=found.where, what=found.what)
    checked = checker.checked
    summary = {"version": checked.version, "damaged": findings, **checked.counts}
    if findings:
        text = f"{findings} findings; `replayd journal salvage` copies what is whole"
    else:
        text = f"nothing is damaged: {_listed(checked.counts)}"
    _say(output, text, **summary)
    sys.exit(EXIT_DAMAGED if findings else 0)


@journal.command()
@_data_dir
@_output
@click.argument("new_dir", type=click.Path(file_okay=False, path_type=Path))
def salvage(data_dir: Path, new_dir: Path, output: str) -> None:
    """Copy what is whole of a journal, whatever its state, into NEW_DIR.

    The journal itself is only read. The new one is paused; what may have been sent and has
    no outcome any more ends INTERRUPTED in it. Cursors of the old one are not its own.
    """
    from replayd.journal.sqlite.salvage import salvage as run  # noqa: PLC0415

    with _errors(), _progress("read") as tick:
        counts = run(data_dir, new_dir, time.time_ns(), tick)
    lost = {name: count for name, count in counts.items() if name.startswith(("lost", "damaged"))}
    found = {name: count for name, count in counts.items() if name not in lost}
    said = _listed(lost) if any(lost.values()) else "nothing is lost"
    _say(output, f"copied to {new_dir}: {_listed(found)}\n{said}", **counts)
    sys.exit(EXIT_DAMAGED if any(lost.values()) else 0)


@journal.command()
@_data_dir
@_output
@click.argument("new_dir", type=click.Path(file_okay=False, path_type=Path))
def backup(data_dir: Path, new_dir: Path, output: str) -> None:
    """Copy the journal of a daemon that does not run, with its files, into NEW_DIR.

    Every file is compared with its checksums. A daemon that is started with the copy has
    another store: cursors of this one are refused, and what waits is paused.
    """
    from replayd.journal.sqlite.backup import back_up  # noqa: PLC0415

    with _errors(), _progress("steps") as tick:
        copied = back_up(data_dir, new_dir, tick)
    _say(output, f"copied to {new_dir}: {copied} bytes", bytes=copied)


@journal.command()
@_data_dir
@_output
def compact(data_dir: Path, output: str) -> None:
    """Give back what lies free in the journal of a daemon that does not run.

    It is written anew beside the old one, which needs as much room as is in it.
    """
    from replayd.journal.sqlite.compact import compact as run  # noqa: PLC0415

    with _errors():
        before, after = run(data_dir)
    _say(output, f"{before} bytes before, {after} after", before=before, after=after)


@contextmanager
def _errors() -> Iterator[None]:
    """Says why something can't be done, and ends."""
    try:
        yield
    except ReplaydError as error:
        click.echo(f"replayd: {error.message}", err=True)
        sys.exit(EXIT_FAILED)


@contextmanager
def _progress(done: str) -> Iterator[Callable[[], None]]:
    """Counts on a terminal, now and then; elsewhere it is silent."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    count, said = 0, time.monotonic()

    def tick() -> None:
        nonlocal count, said
        count += 1
        if time.monotonic() - said > _PROGRESS_SECONDS:
            said = time.monotonic()
            click.echo(f"\r{count} {done}", err=True, nl=False)

    try:
        yield tick
    finally:
        click.echo("\r\033[K", err=True, nl=False)


def _say(output: str, text: str, **values: Any) -> None:
    if output == "json":
        # Imported here: each start of the daemon would wait for it.
        import json  # noqa: PLC0415

        text = json.dumps(values)
    click.echo(text)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())

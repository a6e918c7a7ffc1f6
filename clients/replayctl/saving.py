"""Saves a batch as a capture: a whole file or none."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from flowreplay_client import Client, Export, ReplaydClientError

from replayctl.output import Output, note

STDOUT = "-"

SUFFIXES = {
    ".mitm": "mitmproxy",
    ".dump": "mitmproxy",
    ".flows": "mitmproxy",
    ".har": "har",
    ".gor": "goreplay",
}
"""What a file's name says of its format."""

WRITTEN = tuple(dict.fromkeys(SUFFIXES.values()))
"""The formats that are written; more are read."""


def format_for(out: str, named: str = "") -> str:
    """Returns the format to write: the one that was named, else what the name says.

    Raises click.UsageError when it says nothing, or when nothing can be written there.
    """
    if out != STDOUT and not Path(out).parent.is_dir():
        raise click.UsageError(f"can't write {out}: its folder is not there")
    if out != STDOUT and Path(out).is_dir():
        raise click.UsageError(f"can't write {out}: it is a folder")
    found = named or SUFFIXES.get(Path(out).suffix.lower(), "")
    if not found:
        known = ", ".join(SUFFIXES)
        raise click.UsageError(
            f"the format to write is not known: let {out} end in one of {known}, or name it "
            "with `replayctl export --format`"
        )
    return found


def check_role(client: Client, format: str) -> None:  # noqa: A002
    """Asks for what there can't be, before anything is queued: raises ReplaydClientError when the
    caller may save nothing.
    """
    try:
        with client.export("", format) as export:
            next(iter(export), b"")
    except ReplaydClientError as error:
        if error.reason != "INVALID_OPTIONS":
            raise


def save(
    client: Client,
    batch_id: str,
    out: str,
    format: str,  # noqa: A002
    output: Output,
    *,
    filter: str = "",  # noqa: A002
) -> None:
    """Writes a batch, or what a filter finds of it, to a file (`-`: stdout) and says so."""
    with client.export(batch_id, format, filter=filter) as export:
        if out == STDOUT:
            for piece in export:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            _save_file(export, Path(out))
    values = {
        "batchId": batch_id,
        "path": out,
        "format": format,
        "exportedCount": export.exported_count,
        "leftOutCount": export.left_out_count,
        "filteredCount": export.filtered_count,
    }
    noun = "replay" if export.exported_count == 1 else "replays"
    left_out = f", {export.left_out_count} left out" if export.left_out_count else ""
    left_out += f", {export.filtered_count} filtered out" if export.filtered_count else ""
    line = f"{out}: {export.exported_count} {noun} of batch {batch_id}{left_out}"
    if out != STDOUT:
        output.show_object(values, line)
    elif left_out:
        note(line)


def _save_file(export: Export, path: Path) -> None:
    try:
        with _new_content(path) as file:
            for piece in export:
                file.write(piece)
    except OSError as error:
        raise click.UsageError(f"can't write {path}: {error.strerror or error}") from error


@contextmanager
def _new_content(path: Path) -> Iterator[BinaryIO]:
    """Opens a file beside `path` that takes its place once it is whole, or goes.

    Like what it was captured in, it is for its owner's eyes only. A pipe or a device is
    written as it is.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    descriptor, part = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise

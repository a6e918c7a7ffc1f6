"""`replayctl export`: what was replayed, as a capture."""

import sys

import click

from replayctl.connect import Globals, pass_globals
from replayctl.saving import STDOUT, WRITTEN, format_for, save


@click.command("export")
@click.argument("batch_id", metavar="BATCH")
@click.argument("out")
@click.option(
    "--format",
    type=click.Choice(WRITTEN),
    callback=lambda _context, _parameter, value: value or "",
    help="The format to write.  [default: what OUT ends in: .mitm, .dump, .flows, .har, .gor]",
)
@click.option(
    "--filter",
    default="",
    metavar="EXPR",
    help="Only replays that this filter finds, in mitmproxy's notation: '~m POST & ~c 500'.",
)
@pass_globals
def command(options: Globals, batch_id: str, out: str, format: str, filter: str) -> None:  # noqa: A002
    """Save a batch as a capture, with what came now beside what was captured.

    OUT is written over once all of it is there; `-` is stdout. What has not ended, or was
    cleared, is left out.
    """
    if out == STDOUT and sys.stdout.isatty():
        raise click.UsageError("stdout (-) is a terminal; redirect it into a file or a pipe")
    chosen = format_for(out, format)
    with options.client() as client:
        save(client, batch_id, out, chosen, options.output, filter=filter)

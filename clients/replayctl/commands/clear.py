"""`replayctl clear`: takes what waits off the queue."""

import click

from replayctl.connect import Globals, pass_globals


@click.command("clear")
@click.option("--batch", "batch_id", default="", metavar="BATCH", help="Only this batch.")
@pass_globals
def command(options: Globals, batch_id: str) -> None:
    """Take what waits off the queue; what runs finishes.

    Prints how many replays were taken off.
    """
    with options.client() as client:
        cleared = client.clear(batch_id)
    options.output.show(cleared, str(cleared.cleared_count))

"""`replayctl clear`: takes what waits off the queue."""

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import batch_option


@click.command("clear")
@batch_option()
@pass_globals
def command(options: Globals, batch_id: str) -> None:
    """Take what waits off the queue; what runs finishes.

    Prints how many replays were taken off.
    """
    with options.client() as client:
        cleared = client.clear(batch_id)
    options.output.show(cleared, str(cleared.cleared_count))

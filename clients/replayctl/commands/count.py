"""`replayctl count`: how many replays wait or run."""

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import batch_option


@click.command("count")
@batch_option()
@pass_globals
def command(options: Globals, batch_id: str) -> None:
    """Print how many replays wait or run.

    A number alone; with --output json the count of each state.
    """
    with options.client() as client:
        counts = client.count(batch_id)
    options.output.show(counts, str(counts.queued_count + counts.running_count))

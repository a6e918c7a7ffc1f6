"""`replayctl pause`: takes nothing more off the queue, or of one batch."""

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import batch_option


@click.command("pause")
@batch_option()
@pass_globals
def command(options: Globals, batch_id: str) -> None:
    """Pause the queue, or one batch: what runs finishes, captures are still accepted.

    It stays paused across restarts of the daemon, until `replayctl resume`.
    """
    with options.client() as client:
        answer = client.pause(batch_id)
    options.output.show(answer, "paused" if answer.changed else "paused already")

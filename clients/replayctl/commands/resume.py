"""`replayctl resume`: lets the paused queue, or a paused batch, go on."""

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import batch_option


@click.command("resume")
@batch_option()
@pass_globals
def command(options: Globals, batch_id: str) -> None:
    """Let the paused queue, or a paused batch, go on."""
    with options.client() as client:
        answer = client.resume(batch_id)
    options.output.show(answer, "resumed" if answer.changed else "was not paused")

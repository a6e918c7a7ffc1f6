"""`replayctl resume`: lets a paused queue go on."""

import click

from replayctl.connect import Globals, pass_globals


@click.command("resume")
@pass_globals
def command(options: Globals) -> None:
    """Let a paused queue go on."""
    with options.client() as client:
        answer = client.resume()
    options.output.show(answer, "resumed" if answer.changed else "was not paused")

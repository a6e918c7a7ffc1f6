"""`replayctl pause`: takes nothing more off the queue."""

import click

from replayctl.connect import Globals, pass_globals


@click.command("pause")
@pass_globals
def command(options: Globals) -> None:
    """Pause the queue: what runs finishes, captures are still accepted.

    It stays paused across restarts of the daemon, until `replayctl resume`.
    """
    with options.client() as client:
        answer = client.pause()
    options.output.show(answer, "paused" if answer.changed else "paused already")

"""`replayctl priority`: which batch's replays are taken first."""

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.steering import PRIORITY


@click.command("priority", context_settings={"ignore_unknown_options": True})
@click.argument("batch", metavar="BATCH")
@click.argument("priority", metavar="N", type=PRIORITY)
@pass_globals
def command(options: Globals, batch: str, priority: int) -> None:
    """Give a batch a priority, from -1000 to 1000; 0 is that of others.

    What waits of a batch with a higher priority is taken first, and of equal ones what was
    accepted first. What runs finishes.
    """
    with options.client() as client:
        answer = client.set_priority(batch, priority)
    had = "" if answer.changed else " already"
    options.output.show(answer, f"priority {answer.priority}{had}")

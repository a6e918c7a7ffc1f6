"""`replayctl front`: has one batch taken before all others."""

import click

from replayctl.connect import Globals, pass_globals


@click.command("front")
@click.argument("batch", metavar="BATCH")
@pass_globals
def command(options: Globals, batch: str) -> None:
    """Have a batch taken before all others that wait.

    It gets the highest priority of any, where its own is lower. What runs finishes.
    """
    with options.client() as client:
        answer = client.bring_to_front(batch)
    where = "at the front" if answer.changed else "at the front already"
    options.output.show(answer, f"{where}, priority {answer.priority}")

"""`replayctl step`: takes some replays more of what is paused."""

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import batch_option
from replayctl.printable import printable


@click.command("step")
@batch_option("Only of this batch.")
@click.option(
    "--count",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="How many replays.",
)
@pass_globals
def command(options: Globals, batch_id: str, count: int) -> None:
    """Take one replay more, or some, of the paused queue or of a paused batch.

    Prints which were taken, once they were: what runs may have to end before, and what is not
    taken within the --timeout is left.
    """
    with options.client() as client:
        answer = client.step(batch_id, count)
    lines = [printable(replay_id) for replay_id in answer.replay_ids]
    options.output.show(answer, *(lines or ["nothing waits"]))

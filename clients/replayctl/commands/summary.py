"""`replayctl summary`: what became of a batch, in figures."""

import click

from replayctl import exits
from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import named
from replayctl.options.fail_on import fail_on_option
from replayctl.summary import summary_lines


@click.command("summary")
@click.argument("batch_id", metavar="BATCH", callback=named)
@fail_on_option(
    "Exit with 1 when any of these is so, such as error, status>=500 or p95>300ms.", default=""
)
@click.pass_context
@pass_globals
def command(options: Globals, context: click.Context, batch_id: str, fail_on: list[str]) -> None:
    """Tell what became of a batch: states, statuses, errors, latencies, connections."""
    with options.client() as client:
        summary = client.summarize(batch_id, fail_on)
    options.output.show(summary, *summary_lines(summary))
    if summary.failed_assertions:
        context.exit(exits.REPLAYS_FAILED)

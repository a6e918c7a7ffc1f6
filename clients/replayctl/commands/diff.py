"""`replayctl diff`: a batch's responses beside the recorded ones."""

from typing import Unpack

import click
from flowreplay.v1.comparison_pb2 import COMPARISON_RESULT_UNDECIDED
from flowreplay_client import DiffSettings

from replayctl import exits
from replayctl.connect import Globals, pass_globals
from replayctl.differences import counted, diff_lines
from replayctl.options.comparing import IGNORE, VOLATILE
from replayctl.output import note


@click.command("diff")
@click.argument("batch_id", metavar="BATCH")
@click.option(
    "--replay", "replay_ids", multiple=True, metavar="REPLAY", help="Only this one. Repeatable."
)
@IGNORE
@VOLATILE
@click.option(
    "--limit",
    "difference_limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    metavar="N",
    help="How many differences of each replay to show.",
)
@click.option("--all", "include_equal", is_flag=True, help="Show also the replays that are equal.")
@click.option("--secrets", is_flag=True, help="Show secrets; needs the role for it.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 1 unless there are responses to compare, and all are equal.",
)
@pass_globals
@click.pass_context
def command(
    context: click.Context,
    options: Globals,
    *,
    batch_id: str,
    exit_code: bool,
    **settings: Unpack[DiffSettings],
) -> None:
    """Compare the responses of a batch with the recorded ones.

    Shows each replay that differs, what was recorded (-) above what came (+). What changes
    with every answer is left out, and so is what the batch was enqueued to leave out. Works
    for any batch that the journal has, with other rules each time.
    """
    output = options.output
    with options.client() as client, client.diff(batch_id, **settings) as diffs:
        undecided = 0
        for diff in diffs:
            undecided += diff.comparison.result == COMPARISON_RESULT_UNDECIDED
            output.show(diff, *diff_lines(diff, output.style))
    values = {
        "comparedCount": diffs.compared_count,
        "differentCount": diffs.different_count,
        "leftOutCount": diffs.left_out_count,
    }
    output.show_object(
        values,
        f"{counted(diffs.compared_count, 'response')} compared, {diffs.different_count} "
        f"different, {diffs.left_out_count} without one to compare",
    )
    if not diffs.compared_count:
        note("nothing was compared: the batch has no responses with a recorded one beside them")
    if exit_code and (diffs.different_count or undecided or not diffs.compared_count):
        context.exit(exits.REPLAYS_FAILED)

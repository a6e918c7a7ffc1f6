"""The first differences of a batch that was waited for."""

from itertools import islice

from flowreplay.v1.comparison_pb2 import COMPARISON_RESULT_DIFFERENT
from flowreplay.v1.summary_pb2 import Summary
from flowreplay_client import Client

from replayctl.differences import diff_lines
from replayctl.output import Output
from replayctl.printable import printable

_REPLAYS, _DIFFERENCES = 3, 10
"""Of the replays that differ, and of the differences of each, so many are shown."""


def has_differences(summary: Summary) -> bool:
    """Whether any response of a batch differs from the recorded one."""
    return any(each.result == COMPARISON_RESULT_DIFFERENT for each in summary.comparison_counts)


def show_first_differences(client: Client, batch_id: str, output: Output) -> None:
    """Shows them, and how to see all."""
    with client.diff(batch_id, difference_limit=_DIFFERENCES) as diffs:
        different = (
            diff for diff in diffs if diff.comparison.result == COMPARISON_RESULT_DIFFERENT
        )
        for diff in islice(different, _REPLAYS):
            output.show(diff, *(f"    {line}" for line in diff_lines(diff, output.style)))
    if not output.as_json:
        output.text(f"  see `replayctl diff {printable(batch_id)}`")

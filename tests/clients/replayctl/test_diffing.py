"""The first differences of a batch."""

import pytest
from flowreplay.v1 import comparison_pb2
from flowreplay.v1.history_pb2 import DiffRequest, DiffResponse, ReplayDiff
from flowreplay_client import connect
from replayctl.diffing import show_first_differences
from replayctl.output import Output

from tests.support.fake_daemon import FakeDaemon

DIFFERENT, UNDECIDED = (
    comparison_pb2.Comparison(result=result, difference_count=1)
    for result in (
        comparison_pb2.COMPARISON_RESULT_DIFFERENT,
        comparison_pb2.COMPARISON_RESULT_UNDECIDED,
    )
)


def shown(fake: FakeDaemon, *, as_json: bool) -> None:
    diffs = [
        ReplayDiff(replay_id=f"b.{index}", comparison=UNDECIDED if index == 1 else DIFFERENT)
        for index in range(6)
    ]
    fake.diffs.append([DiffResponse(), DiffResponse(diffs=diffs)])
    with connect(fake.address) as client:
        show_first_differences(client, "b", Output(as_json=as_json))


def test_three_that_differ_are_shown(fake: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    shown(fake, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        *(f"    b.{index}     1 difference" for index in (0, 2, 3)),
        "  see `replayctl diff b`",
    ]
    assert fake.requests == [DiffRequest(batch_id="b", difference_limit=10)]


def test_as_json_each_is_a_message(fake: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    shown(fake, as_json=True)
    assert len(capsys.readouterr().out.splitlines()) == 3

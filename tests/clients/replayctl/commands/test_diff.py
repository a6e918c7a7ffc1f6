import json

import pytest
from flowreplay.v1 import comparison_pb2
from flowreplay.v1.history_pb2 import DiffRequest, DiffResponse, ReplayDiff

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl

COMPARISON = comparison_pb2.Comparison(
    result=comparison_pb2.COMPARISON_RESULT_DIFFERENT,
    difference_count=1,
    differences=[
        comparison_pb2.Difference(
            kind=comparison_pb2.DIFFERENCE_KIND_JSON, place="$.a", replayed_value=b"1"
        )
    ],
)
FOUND = DiffResponse(
    diffs=[ReplayDiff(replay_id="b.1", method=b"GET", url=b"u", comparison=COMPARISON)]
)
UNDECIDED = DiffResponse(
    diffs=[
        ReplayDiff(
            replay_id="b.1",
            comparison=comparison_pb2.Comparison(
                result=comparison_pb2.COMPARISON_RESULT_UNDECIDED, note="too large"
            ),
        )
    ]
)
LAST = DiffResponse(compared_count=1, different_count=1, left_out_count=2)


def test_what_differs_and_a_sum(fake: FakeDaemon) -> None:
    fake.diffs.append([DiffResponse(), FOUND, LAST])
    assert replayctl(fake.address, "diff", "b").stdout.splitlines() == [
        "b.1  GET u  1 difference",
        "  @ $.a",
        "  +1",
        "1 response compared, 1 different, 2 without one to compare",
    ]
    assert fake.requests == [DiffRequest(batch_id="b", difference_limit=100)]


def test_what_is_wanted_is_asked_for(fake: FakeDaemon) -> None:
    fake.diffs.append([DiffResponse(), FOUND, LAST])
    given = [
        *("--replay", "b.1", "--ignore", "status", "--no-default-ignores", "--limit", "7"),
        *("--all", "--secrets", "--exit-code"),
    ]
    ended = replayctl(fake.address, "--output", "json", "diff", "b", *given)
    assert ended.code == 1
    diff, counts = map(json.loads, ended.stdout.splitlines())
    assert diff["comparison"]["differences"][0]["place"] == "$.a"
    assert counts == {"comparedCount": 1, "differentCount": 1, "leftOutCount": 2}
    assert fake.requests == [
        DiffRequest(
            batch_id="b",
            replay_ids=["b.1"],
            ignored_differences=["status"],
            compare_volatile=True,
            difference_limit=7,
            include_equal=True,
            reveal_secrets=True,
        )
    ]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([DiffResponse(), DiffResponse(left_out_count=3)], 1),
        ([DiffResponse(), UNDECIDED, DiffResponse(compared_count=1)], 1),
        ([DiffResponse(), DiffResponse(compared_count=3)], 0),
    ],
)
def test_the_exit_code_tells_whether_all_are_equal(
    fake: FakeDaemon, said: list[DiffResponse], code: int
) -> None:
    fake.diffs.append(said)
    ended = replayctl(fake.address, "diff", "b", "--exit-code")
    assert ended.code == code
    assert ("nothing was compared" in ended.stderr) == (not said[-1].compared_count)


def test_nothing_that_differs_is_no_failure(fake: FakeDaemon) -> None:
    fake.diffs.append([DiffResponse(), DiffResponse(compared_count=3)])
    ended = replayctl(fake.address, "diff", "b", "--exit-code")
    assert (ended.code, ended.stdout) == (
        0,
        "3 responses compared, 0 different, 0 without one to compare\n",
    )

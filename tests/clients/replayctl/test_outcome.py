import pytest
from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.reason_pb2 import REASON_CONNECT_FAILED, Reason
from flowreplay.v1.replay_pb2 import CountResponse
from replayctl.outcome import Outcome


def response(status: int) -> pb.Event:
    return pb.Event(response=pb.ResponseEvent(head=pb.ResponseHead(status_code=status)))


def failure(reason: Reason.ValueType, index: int) -> pb.Event:
    error = pb.ErrorEvent(reason=reason, message=f"no\x1b {index}")
    return pb.Event(replay_id=f"b.{index}", error=error)


def closed(*events: pb.Event, **counts: int) -> Outcome:
    outcome = Outcome("b")
    for event in events:
        outcome.add(event)
    outcome.close(CountResponse(**counts))
    return outcome


def test_each_terminal_event_ends_its_replays() -> None:
    ranges = [
        pb.ReplayRange(batch_id="b", first_index=2, last_index=4),
        pb.ReplayRange(batch_id="another", first_index=0, last_index=9),
    ]
    cleared = pb.UpdateEvent(kind=pb.UPDATE_KIND_CLEARED, ranges=ranges)
    queued = pb.UpdateEvent(kind=pb.UPDATE_KIND_QUEUED, ranges=ranges)
    events = [
        response(200),
        pb.Event(error=pb.ErrorEvent(reason=REASON_CONNECT_FAILED)),
        pb.Event(update=cleared),
        pb.Event(update=queued),
        pb.Event(log=pb.LogEvent()),
    ]
    outcome = Outcome("b")
    assert [outcome.add(event) for event in events] == [1, 1, 3, 0, 0]


def test_the_summary() -> None:
    failures = [failure(REASON_CONNECT_FAILED, index) for index in (3, 4)]
    outcome = closed(
        response(404), response(200), response(200), *failures, succeeded_count=3, failed_count=2
    )
    assert list(outcome.lines()) == [
        "batch b: 3 succeeded, 2 failed",
        "  statuses: 200 x2, 404 x1",
        "  errors: CONNECT_FAILED x2",
        r"    CONNECT_FAILED: b.3: no\x1b 3",
        "  see `replayctl watch --batch b --from start --kind error --until-idle`",
    ]
    assert outcome.values() == {
        "batchId": "b",
        "stateCounts": {"succeeded": 3, "failed": 2, "killed": 0, "cleared": 0, "interrupted": 0},
        "statusCounts": {"200": 2, "404": 1},
        "reasonCounts": {"CONNECT_FAILED": 2},
        "firstErrors": {"CONNECT_FAILED": {"replayId": "b.3", "message": "no\x1b 3"}},
    }


def test_five_reasons_are_shown_by_their_first_failure() -> None:
    failures = [failure(Reason.ValueType(9000 + number), number) for number in range(7)]
    shown = [line for line in closed(*failures).lines() if line.startswith("    ")]
    assert shown == [rf"    {9000 + number}: b.{number}: no\x1b {number}" for number in range(5)]


def test_an_empty_batch_says_so() -> None:
    outcome = closed()
    assert list(outcome.lines()) == ["batch b: nothing to replay"]
    assert not outcome.failed(["error", "status"])


@pytest.mark.parametrize("state", ["failed", "killed", "cleared", "interrupted"])
def test_a_replay_without_a_response_is_an_error(state: str) -> None:
    outcome = closed(**{f"{state}_count": 1})
    assert outcome.failed(["error"])
    assert outcome.failed(["status"]), "no response is no good status"


@pytest.mark.parametrize(("status", "failed"), [(399, False), (400, True), (503, True)])
def test_a_bad_status_fails_only_when_asked(status: int, failed: bool) -> None:
    outcome = closed(response(status), succeeded_count=1)
    assert outcome.failed(["status"]) == outcome.failed(["error", "status"]) == failed
    assert not outcome.failed(["error"])

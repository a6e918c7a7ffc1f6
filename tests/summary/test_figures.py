"""Figures of a batch, from its events."""

from flowreplay.v1 import comparison_pb2, event_pb2
from flowreplay.v1.reason_pb2 import REASON_CONNECT_FAILED, REASON_CONNECT_TIMEOUT

from replayd.model.replay import Counts
from replayd.summary.figures import Figures
from tests.summary.ends import START, failure, response


def figures(counts: Counts, *events: event_pb2.Event) -> Figures:
    made = Figures(counts)
    for event in events:
        made.add(event)
    return made


def test_what_became_of_a_batch() -> None:
    made = figures(
        Counts(succeeded=3, failed=2, cleared=4, queued=1),
        response(0),
        response(1, 500, recorded=200, reused=True),
        failure(2),
        failure(3, REASON_CONNECT_TIMEOUT),
        response(4, 404, recorded=404, milliseconds=30),
    )
    assert dict(made.statuses) == {200: 1, 500: 1, 404: 1}
    assert made.first_of_status == {200: "b.0", 500: "b.1", 404: "b.4"}
    assert (made.changed, made.first_changed) == (1, "b.1")
    assert dict(made.reasons) == {REASON_CONNECT_FAILED: 1, REASON_CONNECT_TIMEOUT: 1}
    assert (made.first_error, made.ended, made.failed, made.missing) == ("b.2", 9, 6, 0)
    assert (made.dialled, made.reused, made.content_bytes) == (2, 1, 300)
    assert (made.latency.count, made.latency.greatest) == (3, 30_000)
    assert made.first_byte.greatest == 15_000
    assert (made.start, made.end) == (START, START + 4_030_000_000)
    assert made.rate == 5 / 4.03


def test_what_a_pace_and_hooks_did() -> None:
    hooked = response(1, lag=0)
    hooked.response.answering_hook = "mine"
    made = figures(Counts(succeeded=3), response(0, lag=250), hooked, response(2))
    assert (made.lag.count, made.lag.greatest, made.hooked) == (2, 250_000, 1)


def test_responses_beside_the_recorded_ones() -> None:
    different = comparison_pb2.COMPARISON_RESULT_DIFFERENT
    events = [response(index) for index in range(4)]
    events[1].response.comparison.result = comparison_pb2.COMPARISON_RESULT_EQUAL
    for event in events[2:]:
        event.response.comparison.result = different
    made = figures(Counts(succeeded=4), *events)
    assert dict(made.results) == {comparison_pb2.COMPARISON_RESULT_EQUAL: 1, different: 2}
    assert (made.different, made.first_different) == (2, "b.2")


def test_what_retention_removed_is_missing() -> None:
    assert figures(Counts(succeeded=3, cleared=2), response(2)).missing == 2


def test_of_a_batch_that_has_not_begun_nothing_is_known() -> None:
    made = figures(Counts(queued=3))
    assert (made.rate, made.start, made.ended, made.missing) == (0, 0, 0, 0)

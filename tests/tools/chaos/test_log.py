"""What the log says of each replay, and what it must not say."""

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from tests.tools.chaos.events import Writer


def found(writer: Writer) -> dict[str, int]:
    return dict(writer.findings.counts)


def test_it_counts_as_the_daemon_does() -> None:
    writer = Writer()
    writer.queued(0, 4)
    writer.succeeded(0)
    writer.update("REQUEUED", (1, 2))
    writer.interrupted(3)
    writer.succeeded(1, attempt=2)
    writer.update("CLEARED", (2, 2), (4, 4))
    assert writer.log.vector == (5, 2, 0, 0, 2, 1)
    assert writer.log.crashes == [2]
    assert not found(writer)
    writer.log.forget()
    assert not list(writer.log.replays())
    writer.queued(0, 0)
    assert found(writer) == {"outcomes": 1}


def test_a_gap_is_found() -> None:
    writer = Writer()
    writer.events.append(event_pb2.Event())
    writer.queued(0, 0)
    assert found(writer) == {"gaps": 1}


def test_a_second_outcome_is_found() -> None:
    writer = Writer()
    writer.queued(0, 1)
    writer.succeeded(0)
    writer.succeeded(0)
    writer.update("CLEARED", (0, 1))
    assert found(writer) == {"outcomes": 2}


def test_what_ended_is_not_queued_again() -> None:
    writer = Writer()
    writer.queued(0, 1)
    writer.succeeded(0)
    writer.update("REQUEUED", (0, 0))
    writer.queued(1, 2)
    assert found(writer) == {"outcomes": 2}


def test_an_outcome_without_a_replay_is_found() -> None:
    writer = Writer()
    writer.succeeded(0)
    assert found(writer) == {"outcomes": 1}


def test_attempts_are_counted() -> None:
    writer = Writer()
    writer.queued(0, 0)
    writer.update("REQUEUED", (0, 0))
    writer.succeeded(0)
    assert found(writer) == {"attempts": 1}


@pytest.mark.parametrize(("label", "found_at_all"), [("tr", False), ("tp", True), ("tf", True)])
def test_what_is_sent_again_is_for_its_call_to_say(label: str, found_at_all: bool) -> None:
    writer = Writer()
    writer.queued(0, 0, label=label)
    writer.update("REQUEUED", (0, 0))
    writer.succeeded(0, attempt=2, method=b"POST", tag=label)
    assert found(writer) == ({"attempts": 1} if found_at_all else {})


def test_what_is_sent_again_is_not_interrupted_before_its_third_attempt() -> None:
    writer = Writer()
    writer.queued(0, 1, label="tr")
    writer.interrupted(0, tag="tr")
    assert found(writer) == {"attempts": 1}
    writer.update("REQUEUED", (1, 1))
    writer.update("REQUEUED", (1, 1))
    writer.interrupted(1, attempt=3, tag="tr")
    assert found(writer) == {"attempts": 1}


def test_a_batch_has_one_label_and_a_label_one_batch() -> None:
    writer = Writer()
    writer.queued(0, 0)
    writer.queued(0, 0, batch="other")
    assert found(writer) == {"requests": 1}


def test_another_flow_s_url_is_found() -> None:
    writer = Writer()
    writer.queued(0, 1, label="u")
    writer.succeeded(0)
    assert found(writer) == {"answers": 1}


def test_what_failed_inside_is_found() -> None:
    writer = Writer()
    log = event_pb2.LogEvent(level=event_pb2.LOG_LEVEL_ERROR, message="Traceback")
    writer.write(log=log)
    assert found(writer) == {"daemon": 1}


def test_a_second_try_is_noted() -> None:
    writer = Writer()
    writer.queued(0, 0)
    log = event_pb2.LogEvent(reason=reason_pb2.REASON_RETRIED, flow_index=0)
    writer.write(batch_id="b", replay_id="b.0", log=log)
    assert writer.log.batches["b"].replays[0].retried == 1


def test_pauses_are_kept_in_order() -> None:
    writer = Writer()
    assert not writer.log.paused
    writer.update("PAUSED", batch="")
    assert writer.log.paused
    writer.update("RESUMED", batch="")
    assert writer.log.changes == [True, False]


def test_a_batch_is_steered_by_itself() -> None:
    writer = Writer()
    writer.queued(0, 0)
    batch = writer.log.batches["b"]
    assert not batch.steered
    writer.update("PAUSED")
    assert batch.paused
    writer.update("MOVED", priority=7)
    writer.update("RESUMED")
    writer.update("PAUSED", batch="forgotten")
    assert (batch.paused, batch.priority, batch.steered) == (False, 7, True)
    assert not writer.log.changes
    writer.interrupted(0)
    writer.update("RESOLVED", (0, 0), resent_batch_id="c")
    writer.copied(0, 0, 1)
    copy = writer.log.batches["c"]
    assert (copy.paused, copy.priority, copy.steered) == (False, 7, True)


def test_a_log_that_changed_is_found() -> None:
    writer = Writer()
    writer.queued(0, 0)
    writer.log.again(writer.events[0])
    assert not found(writer)
    writer.events[0].batch_id = "other"
    writer.log.again(writer.events[0])
    writer.log.again(event_pb2.Event(sequence=2))
    assert found(writer) == {"rewritten": 1, "gaps": 1}


def test_what_is_not_parked_can_not_be_resolved() -> None:
    writer = Writer()
    writer.queued(0, 1)
    writer.interrupted(0)
    writer.update("RESOLVED", (0, 0))
    assert not writer.findings.counts
    writer.update("RESOLVED", (0, 1))
    assert writer.findings.counts == {"outcomes": 2}


def test_every_run_of_a_batch_is_a_replay_of_its_own() -> None:
    writer = Writer()
    for repeat in (0, 1):
        writer.update("QUEUED", (0, 1), label="t", repeat=repeat)
    writer.succeeded(0)
    writer.succeeded(0, run=".1")
    assert not found(writer)
    assert writer.log.vector[:2] == (4, 2)
    assert [str(each.key.replay_id) for each in writer.log.of_flow("t", 0)] == ["b.0", "b.0.1"]
    writer.succeeded(0, run=".1")
    writer.succeeded(0, run=".2")
    assert found(writer) == {"outcomes": 2}

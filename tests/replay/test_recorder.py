"""When what was handed over is committed."""

import time
from collections.abc import Callable
from unittest.mock import PropertyMock

import pytest
from flowreplay.v1 import event_pb2

from replayd.codec.plan import encode_plan
from replayd.errors import JournalError
from replayd.journal.memory import open_memory
from replayd.model.event import LogLevel
from replayd.model.flow import Flow, Request
from replayd.model.outcome import Note, Outcome, Timings
from replayd.model.replay import Replay, ReplayState, Row
from replayd.planning.plan import make_plan
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED, Redactor
from replayd.replay.clock import Clock
from replayd.replay.recorder import Recorder

MILLISECOND = 1_000_000


class Recording:
    """A recorder on a journal with a taken replay, and a clock that a test moves."""

    def __init__(self, method: bytes = b"GET", redactor: Redactor = UNKEYED) -> None:
        self.now = 0
        self.journal = open_memory(time.time_ns())
        flow = Flow(request=Request(method, b"http", "host", 80, b"/"))
        self.plan = make_plan(flow, flow_index=0, connect_to=(), raw=False)
        row = Row(0, "s", self.plan.idempotent, encode_plan(self.plan), b"")
        self.journal.stage("b", [row])
        self.journal.accept("b", now=1, answer=b"")
        self.replay: Replay = self.journal.take(1, 1)[0]
        self.journal.begin([self.replay])
        self.recorder = Recorder(self.journal, Clock(lambda: self.now, lambda: 1), redactor)

    def send(self) -> None:
        self.recorder.sending(self.replay, self.plan, b"")

    def end(self, **outcome: object) -> None:
        ended = Outcome(ReplayState.SUCCEEDED, Timings(1), **outcome)
        self.recorder.ended(self.replay, self.plan, ended, None)

    def due(self, *, in_flight: bool = True, idle: bool = False) -> bool:
        return self.recorder.due(in_flight=in_flight, idle=idle)

    def events(self) -> list[event_pb2.Event]:
        page = self.journal.read(0, limit=100, max_bytes=1 << 20)
        return [event_pb2.Event.FromString(each) for each in page.events][1:]


def test_nothing_to_commit_is_never_due() -> None:
    recording = Recording()
    assert not recording.due(in_flight=False, idle=True)
    assert recording.recorder.deadline is None


def test_due_when_nothing_is_in_flight() -> None:
    recording = Recording()
    recording.send()
    assert recording.due(in_flight=False)
    assert not recording.due()


def test_due_when_the_oldest_has_waited_longer_when_there_is_more_to_do() -> None:
    recording = Recording()
    recording.send()
    recording.now = 3 * MILLISECOND
    recording.send()
    assert recording.recorder.deadline == 5 * MILLISECOND
    assert not recording.due(idle=True)
    recording.now = 5 * MILLISECOND
    assert recording.due(idle=True)
    assert not recording.due()
    recording.now = 20 * MILLISECOND
    assert recording.due()


def test_due_when_many_wait() -> None:
    recording = Recording()
    for _ in range(511):
        recording.send()
    assert not recording.due()
    recording.send()
    assert recording.due()


@pytest.mark.parametrize(("method", "due"), [(b"GET", False), (b"POST", True)])
def test_due_when_an_outcome_must_not_be_in_doubt(method: bytes, due: bool) -> None:
    recording = Recording(method)
    recording.send()
    assert not recording.due()
    recording.end()
    assert recording.due() is due


def test_due_when_contents_fill_the_memory() -> None:
    recording = Recording()
    body = recording.journal.new_body()
    body.write(b"x" * (8 * 1024 * 1024))
    outcome = Outcome(ReplayState.SUCCEEDED, Timings(1))
    recording.recorder.ended(recording.replay, recording.plan, outcome, body)
    assert recording.due()


def test_a_commit_shows_all_and_the_terminal_event_last() -> None:
    recording = Recording()
    recording.send()
    recording.end(notes=[Note("first"), Note("second", Reason.RETRIED)])
    assert recording.events() == []
    recording.recorder.commit()
    kinds = [event.WhichOneof("payload") for event in recording.events()]
    assert kinds == ["request", "log", "log", "response"]
    assert recording.recorder.deadline is None


def test_a_commit_that_fails_leaves_all_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording()
    recording.send()

    def fail(*, wait: bool) -> int:
        raise JournalError("disk full")

    real: Callable[..., int] = recording.journal.commit
    monkeypatch.setattr(recording.journal, "commit", fail)
    with pytest.raises(JournalError):
        recording.recorder.commit()
    assert recording.due(in_flight=False)
    monkeypatch.setattr(recording.journal, "commit", real)
    recording.recorder.commit()
    assert len(recording.events()) == 1


def test_a_content_on_its_way_to_the_disk_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = Recording(b"POST")
    waited: list[bool] = []

    def commit(*, wait: bool) -> None:
        waited.append(wait)
        left.return_value = 0 if wait else 2

    monkeypatch.setattr(recording.journal, "commit", commit)
    left = PropertyMock(return_value=0)
    monkeypatch.setattr(type(recording.journal), "left", left)
    settling = PropertyMock(return_value=False)
    monkeypatch.setattr(type(recording.journal), "settling", settling)
    recording.end()
    recording.recorder.commit()
    settling.return_value = True
    assert not recording.due(in_flight=False)
    assert recording.recorder.deadline is None
    settling.return_value = False
    # What was left is as urgent as before.
    assert recording.due()
    settling.return_value = True
    for _ in range(510):
        recording.send()
    assert recording.due()
    recording.recorder.commit()
    assert waited == [False, True]
    assert not recording.due(in_flight=False)


def test_a_crash_is_told_with_its_text() -> None:
    recording = Recording()
    try:
        raise ValueError("seeded")
    except ValueError as error:
        recording.recorder.crashed(recording.replay, recording.plan, Timings(1), error)
    recording.recorder.commit()
    log, ended = recording.events()
    assert log.log.message.endswith("ValueError: seeded\n")
    assert "test_recorder.py" in log.log.message
    assert ended.error.message == "ValueError: seeded"
    assert ended.error.state == event_pb2.REPLAY_STATE_FAILED


def test_notes_hide_what_the_operator_names() -> None:
    recording = Recording(redactor=Redactor(parameters=["mine"]))
    recording.recorder.note(LogLevel.INFO, "it said mine=s3cr3t", Reason.HOOK_NOTE)
    recording.recorder.commit()
    (log,) = recording.events()
    assert log.log.message == "it said mine=‹redacted 6B›"

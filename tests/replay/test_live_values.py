"""Live values of batches under way: in requests, from answers, and back from the journal."""

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from unittest.mock import Mock

import pytest
from flowreplay.v1 import event_pb2

from replayd.codec.event import outcome_event
from replayd.codec.plan import decode_plan, encode_plan
from replayd.comparer.comparer import Look
from replayd.errors import JournalError
from replayd.journal.interface import Body, Journal
from replayd.journal.memory import open_memory
from replayd.live.sources import CONTENT_LIMIT
from replayd.model.flow import Headers
from replayd.model.outcome import LiveValue, Outcome, ResponseHead, Timings
from replayd.model.plan import LivePlan, Plan, RecordedValue
from replayd.model.replay import Replay, ReplayKey, ReplayState, Row
from replayd.planning.plan import make_plan
from replayd.reasons import Reason
from replayd.replay import live_values, unread
from replayd.replay.clock import Clock
from replayd.replay.live_values import LiveValues
from replayd.replay.unread import Learnt
from tests.support import replaying as replaying_module
from tests.support.journals import NOW, enqueue, plan, row
from tests.support.processes import DEADLINE
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import ScriptedServer, answers

CLOCK = Clock(monotonic=lambda: 0, wall=lambda: NOW)
LOGIN = LivePlan(True, (RecordedValue("json:$.token", b"recorded"),), (b"sid=old",))
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
HEAD = b"GET / HTTP/1.1\r\nHost: a.test\r\nA: recorded\r\nCookie: sid=old\r\n\r\n"
EDITED = HEAD.replace(b"recorded", b"replayed").replace(b"old", b"new")


@pytest.fixture
def journal() -> Iterator[Journal]:
    opened = open_memory(NOW)
    yield opened
    opened.close()


def rows(count: int = 3, session: str = "s") -> list[Row]:
    """A login, then requests with what it gave."""
    plans = [plan()._replace(live=LOGIN)]
    plans += [plan(i)._replace(head=HEAD, live=LivePlan(True)) for i in range(1, count)]
    return [
        row(i, session)._replace(plan=encode_plan(each), shown_plan=encode_plan(plan(i)))
        for i, each in enumerate(plans)
    ]


def made(journal: Journal) -> LiveValues:
    """Live values whose mail comes at once."""
    return LiveValues(journal, CLOCK, post=lambda message: message(), read=lambda *_: None)


def put_in(live: LiveValues, replay: Replay) -> tuple[Replay, Plan]:
    planned = decode_plan(replay.plan)
    live.knows(replay, planned)
    assert live.knows(replay, planned)
    return live.put_in(replay, planned)


def answer(
    live: LiveValues,
    journal: Journal,
    replay: Replay,
    content: bytes = b'{"token": "replayed"}',
    headers: Headers = ((b"Set-Cookie", b"sid=new"),),
) -> Outcome:
    """Takes a replay to its outcome, and that to the journal."""
    replay, sent = put_in(live, replay)
    head = ResponseHead(b"HTTP/1.1", 200, b"OK", headers)
    outcome = Outcome(ReplayState.SUCCEEDED, Timings(NOW, total=5), head=head)
    exchange = Mock(replay=replay, plan=sent)
    assert not live.learns(exchange, outcome, body(journal, content), at_once=False)
    journal.begin([replay])
    journal.finish(replay.key, outcome, [outcome_event(replay, sent, outcome, NOW)])
    journal.commit()
    return outcome


def body(journal: Journal, content: bytes) -> Body:
    made = journal.new_body()
    made.write(content)
    return made


class FakeComparer:
    """Keeps what it is asked; the test answers."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[Look] = SimpleQueue()

    def ask(self, asked: Look) -> None:
        self.asked.put(asked)

    def close(self) -> None:
        """There is nothing to end."""


def replayed(server: ScriptedServer, replaying: Replaying, monkeypatch: pytest.MonkeyPatch) -> str:
    """Enqueues a login and a request with what it gave; returns the batch."""
    host = (b"Host", b"127.0.0.1:%d" % server.port)
    fields = (host, (b"A", b"recorded"), (b"Cookie", b"sid=old"))
    live = iter((LOGIN, LivePlan(True)))
    monkeypatch.setattr(
        replaying_module,
        "make_plan",
        lambda *a, **n: make_plan(*a, **n)._replace(live=next(live)),
    )
    return replaying.enqueue(
        flow(server.port, headers=(host,), session="s"),
        flow(server.port, headers=fields, session="s"),
    )


def login(content: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=new\r\nContent-Length: %d\r\n\r\n"
    return head % len(content) + content


def taken(journal: Journal) -> Replay:
    (replay,) = journal.take(1, NOW)
    return replay


def head_of(live: LiveValues, replay: Replay) -> bytes:
    return put_in(live, replay)[1].head


def test_what_an_answer_gave_is_in_the_next_request(journal: Journal) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows())
    outcome = answer(live, journal, taken(journal))
    assert outcome.live_values == (
        LiveValue("json:$.token", b"recorded", b"replayed"),
        LiveValue("cookie:sid", b"old", b"new"),
    )
    before = taken(journal)
    replay, sent = put_in(live, before)
    assert sent.head == EDITED
    assert decode_plan(replay.plan).head == EDITED
    assert (replay.shown_plan, replay.shown_content) == (None, None)


def test_what_is_not_touched_is_shown_as_before(journal: Journal) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows())
    replay = taken(journal)
    assert put_in(live, replay)[0] is replay


@pytest.mark.parametrize("other", ["batch", "session"])
def test_others_have_values_of_their_own(journal: Journal, other: str) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows(1))
    answer(live, journal, taken(journal))
    session = "s" if other == "batch" else "other"
    enqueue(journal, "b2", [each._replace(session=session) for each in rows(2)[1:]])
    replay = taken(journal)
    if other == "session":
        replay = replay._replace(key=ReplayKey("b1", 0, 1))
    assert head_of(live, replay) == HEAD


def test_after_a_restart_it_is_read_back(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "_PIECE", 1)
    enqueue(journal, "b1", rows(5))
    live = made(journal)
    answer(live, journal, taken(journal), b'{"token": "oldest"}')
    answer(live, journal, taken(journal), headers=())
    answer(live, journal, taken(journal), headers=((b"Set-Cookie", b"sid=; Max-Age=0"),))
    expected = HEAD.replace(b"recorded", b"oldest").replace(b"Cookie: sid=old\r\n", b"")
    replay = taken(journal)
    assert head_of(live, replay) == expected
    assert head_of(made(journal), replay) == expected


def again(rows: list[Row], origin: str) -> list[Row]:
    """The rows of a batch that sends another one's replays again."""
    plans = [decode_plan(each.plan) for each in rows]
    return [
        each._replace(plan=encode_plan(p._replace(resends_replay_id=f"{origin}.{p.flow_index}")))
        for each, p in zip(rows, plans, strict=True)
    ]


def test_what_is_sent_again_has_what_its_batch_had_learnt(journal: Journal) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows(2))
    answer(live, journal, taken(journal))
    answer(live, journal, taken(journal), headers=())
    enqueue(journal, "b2", again(rows(2)[1:], "b1"))
    answer(live, journal, taken(journal), headers=((b"Set-Cookie", b"sid=newer"),))
    enqueue(journal, "b3", again(rows(2)[1:], "b2"))
    replay = taken(journal)
    assert head_of(made(journal), replay) == EDITED.replace(b"new", b"newer")


def test_what_is_sent_again_of_a_batch_that_is_gone(journal: Journal) -> None:
    enqueue(journal, "b2", again(rows(2)[1:], "gone"))
    assert head_of(made(journal), taken(journal)) == HEAD


def test_a_value_that_is_missing_is_noted(journal: Journal) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows())
    outcome = answer(live, journal, taken(journal), b'{"error": "no"}')
    (note,) = outcome.notes
    assert note.reason is Reason.VALUE_MISSING
    assert "at json:$.token, this one (status 200) has none" in note.message
    assert b"A: recorded" in head_of(live, taken(journal))


def test_a_large_answer_is_looked_through_as_far_as_the_limit(journal: Journal) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows())
    content = b'{"token": "replayed"}'.ljust(CONTENT_LIMIT + 1)
    assert not answer(live, journal, taken(journal), content).notes


def test_too_many_values_are_forgotten(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_values, "MAX_BYTES", 60)
    live = made(journal)
    for batch_id in ("b1", "b2"):
        enqueue(journal, batch_id, rows(2, batch_id))
    first = answer(live, journal, taken(journal))
    kept = taken(journal)
    second = answer(live, journal, taken(journal))
    assert not first.notes
    assert [note.reason for note in second.notes] == [Reason.VALUE_MISSING]
    assert head_of(live, kept) == HEAD
    assert head_of(live, taken(journal)) == EDITED


def test_a_batch_that_has_ended_is_forgotten(journal: Journal) -> None:
    live = made(journal)
    enqueue(journal, "b1", rows(1))
    answer(live, journal, taken(journal))
    enqueue(journal, "b2", rows(2))
    answer(live, journal, taken(journal))
    assert {key[0] for key in live._scopes} == {"b2"}
    assert live._size == sum(scope.size for scope in live._scopes.values())


def test_on_the_replay_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        ScriptedServer(answers(login(b'{"token": "replayed"}'), NO_CONTENT)) as server,
        Replaying() as replaying,
    ):
        batch = replayed(server, replaying, monkeypatch)
        replaying.outcomes(batch, 2)
        assert b"A: replayed\r\nCookie: sid=new\r\n" in server.requests[1]
        events = replaying.events()
    (learnt,) = [each.response for each in events if each.response.live_values]
    assert [each.source for each in learnt.live_values] == ["json:$.token", "cookie:sid"]
    assert all(b"redacted" in each.value for each in learnt.live_values)
    shown = [each.request for each in events if each.HasField("request")]
    assert isinstance(shown[1], event_pb2.RequestEvent)
    assert len(shown[1].plan.changes) == 2
    assert b"new" not in shown[1].plan.head


LARGE = login(b'{"token": "replayed"}'.ljust(CONTENT_LIMIT))


@pytest.mark.parametrize("answered", [[[b"replayed"]], None])
def test_a_large_answer_is_looked_through_elsewhere_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, answered: list[list[bytes]] | None
) -> None:
    comparer = FakeComparer()
    with (
        ScriptedServer(answers(LARGE, NO_CONTENT)) as server,
        ScriptedServer(answers(NO_CONTENT)) as other,
        Replaying(concurrency=2, new_comparer=lambda: comparer) as replaying,
    ):
        batch = replayed(server, replaying, monkeypatch)
        look = comparer.asked.get(timeout=DEADLINE)
        assert look.sources == ("json:$.token",)
        assert look.content.rstrip() == b'{"token": "replayed"}'
        monkeypatch.undo()
        replaying.outcomes(replaying.enqueue(flow(other.port)), 1)
        assert len(server.requests) == 1
        look.done(answered)
        replaying.outcomes(batch, 2)
        assert (b"A: replayed" in server.requests[1]) == (answered is not None)
        assert b"Cookie: sid=new" in server.requests[1]
        notes = [log.message for log in replaying.logs()]
    assert ["not be looked through" in note for note in notes] == [True] * (answered is None)


@pytest.mark.parametrize("ends", ["stopped", "cancelled"])
def test_one_that_ends_before_it_was_looked_through(
    monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    comparer = FakeComparer()
    with (
        ScriptedServer(answers(LARGE)) as server,
        Replaying(new_comparer=lambda: comparer) as replaying,
    ):
        batch = replayed(server, replaying, monkeypatch)
        look = comparer.asked.get(timeout=DEADLINE)
        if ends == "stopped":
            replaying.thread.stop(0)
        else:
            replaying.journal.pause(True, NOW)
            replaying.thread.cancel([look.key], lambda _: None, lambda: None)
        (ended,) = replaying.outcomes(batch, 1)
        look.done([[b"replayed"]])
        replaying.thread.stop(0)
        assert replaying.thread.join(DEADLINE)
    if ends == "stopped":
        assert [each.source for each in ended.response.live_values] == [
            "json:$.token",
            "cookie:sid",
        ]
    else:
        assert ended.error.reason == Reason.CANCELLED.value


@pytest.mark.parametrize("ends", ["read", "damaged", "cancelled", "stopped"])
def test_others_go_on_while_a_batch_is_read_back(
    monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """One that a daemon before this one had begun."""
    journal = open_memory(NOW, strict_order=False)
    turns: SimpleQueue[str] = SimpleQueue()
    released = threading.Event()

    def learnt_before(journal: Journal, batch_id: str, plan: Plan) -> Iterator[list[Learnt]]:
        while not released.is_set():
            turns.put(batch_id)
            yield []
        if ends == "damaged":
            raise JournalError("what was learnt is damaged")
        yield from unread.learnt_before(journal, batch_id, plan)

    with (
        ScriptedServer(answers(NO_CONTENT)) as server,
        ScriptedServer(answers(NO_CONTENT)) as other,
    ):
        host = (b"Host", b"127.0.0.1:%d" % server.port)
        late = make_plan(
            flow(server.port, headers=(host, (b"A", b"recorded"))),
            flow_index=1,
            connect_to=(),
            raw=False,
        )._replace(live=LivePlan(True))
        enqueue(journal, "b1", [*rows(1), row(1, "s")._replace(plan=encode_plan(late))])
        answer(made(journal), journal, taken(journal))
        monkeypatch.setattr(live_values, "learnt_before", learnt_before)
        with Replaying(concurrency=2, journal=journal) as replaying:
            assert turns.get(timeout=DEADLINE) == "b1"
            replaying.outcomes(replaying.enqueue(flow(other.port)), 1)
            if ends == "stopped":
                replaying.thread.stop(0)
                assert replaying.thread.join(DEADLINE)
                assert len(replaying.outcomes("b1", 1)) == 1
                return
            if ends == "cancelled":
                key = ReplayKey("b1", 0, 1)
                replaying.thread.cancel([key], lambda _: released.set(), lambda: None)
            else:
                released.set()
            ended = replaying.outcomes("b1", 2)[1]
            sent = [b"A: replayed" in request for request in server.requests]
    assert sent == [True] * (ends == "read")
    reasons = {"damaged": Reason.INTERNAL.value, "cancelled": Reason.CANCELLED.value}
    assert ended.error.reason == reasons.get(ends, Reason.UNSPECIFIED.value)

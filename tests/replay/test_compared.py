"""Responses beside the recorded ones: at once, elsewhere, and by sending once more."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

import pytest
from flowreplay.v1 import comparison_pb2, event_pb2, flow_pb2

from replayd.comparer.comparer import Asked
from replayd.comparer.process import Compared
from replayd.comparing.digests import ANOTHER, digest_of
from tests.support.processes import DEADLINE
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, Peer, ScriptedServer, answers

EQUAL = comparison_pb2.COMPARISON_RESULT_EQUAL
DIFFERENT = comparison_pb2.Comparison(result=2, difference_count=1)
SHOWN, WHOLE = (comparison_pb2.Comparison(result=2, note=note).SerializeToString() for note in "sw")
TOLD = Compared(SHOWN, WHOLE, ("json:$.a",))
ANOTHER_ANSWER = OK.replace(b"ok", b"no")


class FakeComparer:
    """Keeps what it is asked; the test answers."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[Asked] = SimpleQueue()
        self.closed = False

    def ask(self, asked: Asked) -> None:
        self.asked.put(asked)

    def close(self) -> None:
        self.closed = True

    def next(self) -> Asked:
        return self.asked.get(timeout=DEADLINE)


def contents(asked: Asked) -> list[bytes]:
    sides = [asked.replayed] + ([asked.again] if asked.again else [])
    return [b"".join(side.content()) for side in sides]


def response(event: event_pb2.Event) -> event_pb2.ResponseEvent:
    assert event.HasField("response")
    return event.response


def never() -> FakeComparer:
    raise AssertionError("nothing is to be compared elsewhere")


def test_an_equal_response_is_told_at_once() -> None:
    with ScriptedServer(answers(OK)) as server, Replaying(new_comparer=never) as replaying:
        key = replaying.journal.info.redaction_key
        digest = digest_of(key, 200, ((b"Date", b"then"),), b"ok")
        (ended,) = replaying.run(flow(server.port), recorded_digest=digest)
        assert response(ended).comparison == comparison_pb2.Comparison(result=EQUAL)


def test_without_a_digest_nothing_is_compared() -> None:
    with ScriptedServer(answers(OK)) as server, Replaying(new_comparer=never) as replaying:
        (ended,) = replaying.run(flow(server.port))
        assert not response(ended).HasField("comparison")


def test_any_other_waits_for_what_it_is_beside_the_recorded_one() -> None:
    comparer = FakeComparer()
    with (
        ScriptedServer(answers(OK, OK)) as server,
        Replaying(new_comparer=lambda: comparer) as replaying,
    ):
        flows = [flow(server.port, session="s")] * 2
        batch = replaying.enqueue(*flows, recorded_digest=ANOTHER)
        for index in range(2):
            asked = comparer.next()
            assert asked.key.flow_index == index
            assert flow_pb2.Response.FromString(asked.replayed.head).status_code == 200
            assert contents(asked) == [b"ok"] == contents(asked)
            assert asked.key in [each.key for each in replaying.journal.running()]
            asked.done(TOLD)
        first, second = replaying.outcomes(batch, 2)
        assert response(first).comparison.note == "s"
        assert response(second).connection.reused
        (past, _) = replaying.journal.history(batch, -1, 2)
        kept = event_pb2.Event.FromString(past.withheld)
        assert kept.response.comparison.note == "w"
    assert comparer.closed


def test_a_response_that_no_stop_waits_for_is_kept_without_it() -> None:
    comparer = FakeComparer()
    with (
        ScriptedServer(answers(OK)) as server,
        Replaying(new_comparer=lambda: comparer) as replaying,
    ):
        batch = replaying.enqueue(flow(server.port, method=b"POST"), recorded_digest=ANOTHER)
        comparer.next()
        replaying.thread.stop(0)
        assert replaying.thread.join(DEADLINE)
        (ended,) = replaying.outcomes(batch, 1)
        assert response(ended).content == b"ok"
        assert not response(ended).HasField("comparison")


def test_one_that_is_cancelled_meanwhile_is_killed() -> None:
    comparer = FakeComparer()
    with (
        ScriptedServer(answers(OK)) as server,
        Replaying(new_comparer=lambda: comparer) as replaying,
    ):
        batch = replaying.enqueue(flow(server.port), recorded_digest=ANOTHER)
        asked = comparer.next()
        replaying.thread.cancel([asked.key], lambda _: None, lambda: None)
        (ended,) = replaying.outcomes(batch, 1)
        assert ended.error.state == event_pb2.REPLAY_STATE_KILLED
        # Too late: nobody listens.
        asked.done(TOLD)


def run_learning(
    script: Callable[[Peer], None], method: bytes = b"GET", *, learns: bool = True
) -> tuple[event_pb2.ResponseEvent, list[str], list[list[bytes]]]:
    """Replays one that differs, and learns; returns its end, the notes, what was asked."""
    comparer = FakeComparer()
    asked_of = []
    with (
        ScriptedServer(script) as server,
        Replaying(new_comparer=lambda: comparer) as replaying,
    ):
        batch = replaying.enqueue(flow(server.port, method=method), recorded_digest=ANOTHER)
        asked = comparer.next()
        asked_of.append(contents(asked))
        asked.done(TOLD._replace(learn=True))
        if learns:
            asked = comparer.next()
            asked_of.append(contents(asked))
            asked.done(TOLD)
        (ended,) = replaying.outcomes(batch, 1)
        (past,) = replaying.journal.history(batch, -1, 1)
        assert past.response_content == b"ok"
        return response(ended), [log.message for log in replaying.logs()], asked_of


def test_a_request_is_sent_once_more_to_learn() -> None:
    ended, notes, asked = run_learning(answers(OK, ANOTHER_ANSWER))
    assert asked == [[b"ok"], [b"ok", b"no"]]
    assert ended.content == b"ok"
    assert notes == [
        "the request was sent once more, to learn what changes with every answer; 1 rule learnt"
    ]


def test_what_is_not_idempotent_is_never_sent_twice() -> None:
    ended, notes, _ = run_learning(answers(OK), b"POST", learns=False)
    assert (ended.comparison.note, notes) == ("s", [])


def test_a_second_answer_that_fails_leaves_the_first_one() -> None:
    def script(peer: Peer) -> None:
        peer.answer()
        peer.answer(b"nonsense\r\n\r\n")

    ended, notes, _ = run_learning(script, learns=False)
    assert (ended.content, ended.comparison.note) == (b"ok", "s")
    assert "nothing was learnt: " in notes[0]


@pytest.mark.parametrize("end", ["cancel", "stop"])
def test_what_ends_the_second_sending(end: str) -> None:
    comparer, came = FakeComparer(), threading.Event()

    def script(peer: Peer) -> None:
        peer.answer()
        peer.request()
        came.set()
        peer.until_closed()

    with (
        ScriptedServer(script) as server,
        Replaying(new_comparer=lambda: comparer) as replaying,
    ):
        batch = replaying.enqueue(flow(server.port), recorded_digest=ANOTHER)
        asked = comparer.next()
        asked.done(TOLD._replace(learn=True))
        assert came.wait(DEADLINE)
        if end == "cancel":
            replaying.thread.cancel([asked.key], lambda _: None, lambda: None)
        else:
            replaying.thread.stop(0)
            assert replaying.thread.join(DEADLINE)
        (ended,) = replaying.outcomes(batch, 1)
        if end == "cancel":
            assert ended.error.state == event_pb2.REPLAY_STATE_KILLED
        else:
            assert response(ended).comparison.note == "s"
            assert response(ended).content == b"ok"

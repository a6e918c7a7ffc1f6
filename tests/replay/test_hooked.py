"""What hooks make of an outcome. How the thread waits for them is shown by tests/system."""

import time
from typing import Any

from replayd.hooks.words import End, Record, Respond, in_memory
from replayd.journal.memory import open_memory
from replayd.model.flow import Response
from replayd.model.outcome import HookMarks, Note, Outcome, ResponseHead, Timings
from replayd.model.replay import ReplayState
from replayd.reasons import Reason
from replayd.replay.hooked import Held, Hooking
from tests.hooks.questions import plan, replay

KILLED = End(ReplayState.KILLED, Reason.HOOK_KILLED, "killed", (Note("one more"),))


def hooking() -> Hooking:
    nobody: Any = None
    return Hooking(nobody, open_memory(time.time_ns()), nobody, nobody)


def outcome(state: ReplayState = ReplayState.SUCCEEDED) -> Outcome:
    head = ResponseHead(b"HTTP/1.1", 200)
    return Outcome(state, Timings(0), head=head, content_size=4, notes=[Note("one")])


def test_nothing_changes_but_the_notes() -> None:
    made = hooking().made(outcome(), Record(notes=(Note("two"),)))
    assert made.outcome.notes == [Note("one"), Note("two")]
    assert (made.outcome.hooked, made.body, made.ends) == (None, None, False)


def test_a_changed_response_is_what_is_recorded() -> None:
    verdict = Record(("a", "b"), Response(b"HTTP/1.1", 201), in_memory(b"new content"))
    made = hooking().made(outcome(), verdict)
    assert made.outcome.head == ResponseHead(b"HTTP/1.1", 201)
    assert (made.outcome.content_prefix, made.outcome.content_size) == (b"new content", 11)
    assert made.outcome.hooked == HookMarks(changing=("a", "b"))
    assert made.body is not None
    assert made.body.size == 11


def test_a_changed_head_leaves_the_content() -> None:
    made = hooking().made(outcome(), Record(("a",), Response(b"HTTP/1.1", 201)))
    assert (made.outcome.content_size, made.body) == (4, None)


def test_a_kill_ends_what_succeeded_and_keeps_what_came() -> None:
    made = hooking().made(outcome(), KILLED)
    assert made.ends
    assert (made.outcome.state, made.outcome.reason) == (ReplayState.KILLED, Reason.HOOK_KILLED)
    assert made.outcome.head is not None
    assert made.outcome.notes == [Note("one"), Note("one more")]


def test_nothing_ends_what_has_failed_another_way() -> None:
    made = hooking().made(outcome(ReplayState.FAILED), KILLED)
    assert made.outcome.state is ReplayState.FAILED
    assert not made.ends


def test_an_answer_of_a_hook_is_a_success_that_took_its_time() -> None:
    held = Held(hooking(), replay(plan()), plan(), Timings(start=1000))
    verdict = Respond(
        "h", held.replay, held.plan, ResponseHead(b"HTTP/1.1", 418), (), in_memory(b"t")
    )
    would, ended, body = hooking().settled(held, verdict, 3000)
    assert (ended.state, ended.timings.total) == (ReplayState.SUCCEEDED, 2000)
    assert ended.hooked == HookMarks(answering="h")
    assert would.plan == held.plan
    assert body is not None
    assert b"".join(body.pieces()) == b"t"


def test_a_kill_before_anything_was_sent_has_no_response() -> None:
    held = Held(hooking(), replay(plan()), plan(), Timings(start=1000))
    _, ended, body = hooking().settled(held, KILLED, 3000)
    assert (ended.state, ended.head, body) == (ReplayState.KILLED, None, None)

"""Several hooks: their order, and what becomes of a replay by what each says."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from replayd.errors import ReplaydError
from replayd.hooks.chain import MAX_HOOKS, Hooks
from replayd.hooks.change import Replanner
from replayd.hooks.hook import Hook
from replayd.hooks.words import (
    NOTHING,
    Answer,
    ChangedRequest,
    Content,
    End,
    HookPoint,
    Kill,
    Lost,
    OwnResponse,
    Proceed,
    Question,
    Record,
    Respond,
    Send,
    collected,
    in_memory,
)
from replayd.journal.memory import open_memory
from replayd.model.flow import Response
from replayd.model.outcome import Note, Outcome, ResponseHead, Timings
from replayd.model.plan import WebSocketPlan
from replayd.model.replay import ReplayState
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED
from tests.hooks.questions import plan, replay, settings

Say = Callable[[Question], Answer]

LATE = Lost(Reason.HOOK_LATE, "too late")
HEAD = ResponseHead(b"HTTP/1.1", 200, b"OK", ((b"A", b"b"),))


class Play:
    """Hooks that answer as they are told."""

    def __init__(self) -> None:
        self.journal = open_memory(time.time_ns())
        self.asked: list[tuple[str, Question]] = []
        self.hooks = Hooks(self.journal, Replanner(lambda _: b"", TargetRules(), 1 << 20, UNKEYED))

    def add(self, name: str, say: Say, **others: Any) -> Hook:
        hook = self.hooks.register(settings(name, **others))

        async def ask(question: Question) -> Answer:
            self.asked.append((name, question))
            return say(question)

        hook.ask = ask  # type: ignore[method-assign]
        return hook

    async def request(self, of: Any = None) -> Any:
        of = of or plan()
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.hooks.at_request(replay(of), of, told.set_result)
        return await told

    async def outcome(self, outcome: Outcome, content: bytes = b"") -> Any:
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        of = plan()
        contents = (None, in_memory(content))
        self.hooks.at_end(replay(of), of, outcome, contents, told.set_result)
        return await told

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


def play(test: Callable[[Play], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await test(Play())

    asyncio.run(run())


def proceed(_: Question) -> Answer:
    return Proceed()


def kill(_: Question) -> Answer:
    return Kill("why")


def late(_: Question) -> Answer:
    return LATE


def mark(value: bytes) -> Say:
    def say(question: Question) -> Answer:
        request = question.flow.request
        assert request is not None
        headers = (*request.headers, (b"Mark", value))
        return ChangedRequest(request._replace(headers=headers, content=None), None)

    return say


def respond(status: int, content: bytes | None = b"own") -> Say:
    made = None if content is None else in_memory(content)
    return lambda _: OwnResponse(Response(b"", status, content=None), made)


def succeeded() -> Outcome:
    return Outcome(ReplayState.SUCCEEDED, Timings(0), head=HEAD)


def test_they_are_asked_in_their_order_and_see_what_came_before() -> None:
    async def test(play: Play) -> None:
        play.add("second", mark(b"2"), order=5)
        play.add("third", mark(b"3"), order=5)
        play.add("first", mark(b"1"), order=-1)
        verdict = await play.request()
        assert isinstance(verdict, Send)
        assert play.names == ["first", "second", "third"]
        assert verdict.plan.head.endswith(b"Mark: 1\r\nMark: 2\r\nMark: 3\r\n\r\n")
        assert [each.description for each in verdict.plan.changes] == [
            "hook first: mark",
            "hook second: mark",
            "hook third: mark",
        ]

    play(test)


def test_nobody_is_asked_about_what_it_does_not_want() -> None:
    async def test(play: Play) -> None:
        play.add("later", kill, points=frozenset({HookPoint.RESPONSE}))
        verdict = await play.request()
        assert isinstance(verdict, Send)
        assert play.names == []
        assert verdict.plan.changes == ()

    play(test)


def test_a_kill_ends_it_and_nobody_else_is_asked() -> None:
    async def test(play: Play) -> None:
        play.add("killer", kill)
        play.add("next", proceed)
        assert await play.request() == End(
            ReplayState.KILLED, Reason.HOOK_KILLED, "the hook killer killed it: why"
        )
        assert play.names == ["killer"]

    play(test)


def test_a_content_on_a_disk_is_not_read_where_everybody_waits() -> None:
    read_by = []

    def pieces() -> list[bytes]:
        read_by.append(threading.current_thread())
        return [b"large"]

    def grow(question: Question) -> Answer:
        assert question.flow.request is not None
        return ChangedRequest(question.flow.request, Content(5, None, pieces))

    async def test(play: Play) -> None:
        play.add("grows", grow)
        verdict = await play.request()
        assert isinstance(verdict, Send)
        assert read_by
        assert threading.current_thread() not in read_by

    play(test)


def test_an_own_response_ends_the_asking() -> None:
    async def test(play: Play) -> None:
        play.add("marks", mark(b"1"))
        play.add("answers", respond(418))
        play.add("next", proceed)
        verdict = await play.request()
        assert isinstance(verdict, Respond)
        assert (verdict.hook, verdict.head.status_code) == ("answers", 418)
        assert verdict.head.http_version == b"HTTP/1.1"
        assert verdict.content.data == b"own"
        assert verdict.plan.changes, "what came before stays"
        assert play.names == ["marks", "answers"]

    play(test)


@pytest.mark.parametrize("kills", [False, True])
def test_the_policy_decides_where_a_hook_does_not(kills: bool) -> None:
    async def test(play: Play) -> None:
        play.add("late", late, kills=kills)
        play.add("next", mark(b"1"))
        verdict = await play.request()
        if kills:
            assert verdict == End(ReplayState.KILLED, Reason.HOOK_LATE, "too late")
        else:
            assert isinstance(verdict, Send)
            assert verdict.notes == (Note("too late; it goes on without", Reason.HOOK_LATE),)
            assert verdict.plan.changes

    play(test)


def test_a_change_that_can_not_be_sent_fails_the_replay() -> None:
    async def test(play: Play) -> None:
        play.add("bad", mark(b"1\r\n\r\n"))
        verdict = await play.request()
        assert isinstance(verdict, End)
        assert (verdict.state, verdict.reason) == (ReplayState.FAILED, Reason.UNSAFE_BYTES)
        assert verdict.message.startswith("what the hook bad made of the request can't be sent")

    play(test)


@pytest.mark.parametrize("say", [mark(b"1"), respond(200), respond(7)])
def test_an_answer_that_makes_no_sense_is_none(say: Say) -> None:
    async def test(play: Play) -> None:
        play.add("odd", say, kills=True)
        websocket = plan()._replace(websocket=WebSocketPlan())
        verdict = await play.request(websocket)
        assert isinstance(verdict, End)
        assert verdict.reason is Reason.HOOK_INVALID

    play(test)


def test_a_response_is_changed_by_one_after_the_other() -> None:
    async def test(play: Play) -> None:
        play.add("status", respond(201, None))
        play.add("content", respond(201, b"own"))
        play.add("last", proceed)
        verdict = await play.outcome(succeeded(), b"came")
        assert isinstance(verdict, Record)
        assert verdict.changing == ("status", "content")
        assert verdict.response is not None
        assert verdict.response.status_code == 201
        assert verdict.content is not None
        assert verdict.content.data == b"own"
        seen = [question.flow.response for _, question in play.asked]
        assert [each.content for each in seen if each] == [b"came", b"came", b"own"]
        assert [each.status_code for each in seen if each] == [200, 201, 201]

    play(test)


def test_a_response_that_is_sent_back_is_not_changed() -> None:
    async def test(play: Play) -> None:
        play.add("same", lambda _: OwnResponse(Response(*HEAD[:4], content=None), None))
        assert await play.outcome(succeeded()) == Record()

    play(test)


def test_a_request_can_not_be_changed_after_it_was_sent() -> None:
    async def test(play: Play) -> None:
        play.add("odd", mark(b"1"))
        verdict = await play.outcome(succeeded())
        assert isinstance(verdict, Record)
        assert [note.reason for note in verdict.notes] == [Reason.HOOK_INVALID]

    play(test)


def test_an_error_is_told_and_stays() -> None:
    async def test(play: Play) -> None:
        play.add("killer", kill)
        play.add("late", late, kills=True)
        failed = Outcome(ReplayState.FAILED, Timings(0), reason=Reason.CONNECT_FAILED, message="no")
        verdict = await play.outcome(failed)
        assert isinstance(verdict, Record)
        assert [note.reason for note in verdict.notes] == [Reason.HOOK_LATE]
        assert play.asked[0][1].error == (Reason.CONNECT_FAILED, "no")
        assert play.asked[0][1].point is HookPoint.ERROR

    play(test)


def test_what_can_not_be_said_of_an_error_is_noted_and_forgotten() -> None:
    async def test(play: Play) -> None:
        body = play.journal.new_body()
        body.write(b"own")
        play.add("odd", lambda _: OwnResponse(Response(b"", 200, content=None), collected(body)))
        failed = Outcome(ReplayState.FAILED, Timings(0), reason=Reason.CONNECT_FAILED, message="no")
        verdict = await play.outcome(failed)
        said = "the hook odd changed a replay that had failed"
        assert verdict == Record(notes=(Note(said, Reason.HOOK_INVALID),))
        assert body.prefix(9) == b""

    play(test)


def test_what_fails_inside_ends_the_replay_only() -> None:
    async def test(play: Play) -> None:
        def fail(_: Question) -> Answer:
            raise ZeroDivisionError

        play.add("broken", fail)
        verdict = await play.request()
        assert isinstance(verdict, End)
        assert (verdict.state, verdict.reason) == (ReplayState.FAILED, Reason.INTERNAL)

    play(test)


def test_who_goes_while_others_are_asked_is_decided_for_by_its_policy() -> None:
    async def test(play: Play) -> None:
        def leave(_: Question) -> Answer:
            play.hooks.unregister(guard)
            return Proceed()

        play.add("first", leave)
        guard = play.hooks.register(settings("guard", kills=True, order=1))
        verdict = await play.request()
        assert isinstance(verdict, End)
        assert verdict.reason is Reason.HOOK_GONE

    play(test)


def test_nothing_is_sent_without_the_hooks_that_have_to_be_there() -> None:
    async def test(play: Play) -> None:
        play.hooks.required = frozenset({"guard", "other"})
        assert play.hooks.wanted(HookPoint.REQUEST)
        assert not play.hooks.wanted(HookPoint.RESPONSE)
        asked = asyncio.create_task(play.request())
        guard = play.add("guard", proceed, kills=True)
        await asyncio.sleep(0)
        play.hooks.unregister(guard)
        play.add("other", proceed, kills=True)
        for _ in range(5):
            await asyncio.sleep(0)
        assert (play.hooks.missing, play.names, asked.done()) == ({"guard"}, [], False)
        play.add("guard", kill, kills=True)
        verdict = await asked
        assert isinstance(verdict, End)
        assert play.names == ["other", "guard"]

    play(test)


@pytest.mark.parametrize("made", [{}, {"kills": True, "points": {HookPoint.RESPONSE}}])
def test_a_hook_that_has_to_be_there_is_one_that_guards(made: Any) -> None:
    async def test(play: Play) -> None:
        play.hooks.required = frozenset({"guard"})
        with pytest.raises(ReplaydError, match="with the policy kill") as caught:
            play.add("guard", proceed, **made)
        assert caught.value.reason is Reason.INVALID_OPTIONS
        assert play.hooks.missing == {"guard"}

    play(test)


def test_names_are_taken_once_and_places_are_few() -> None:
    async def test(play: Play) -> None:
        first = play.add("same", proceed)
        with pytest.raises(ReplaydError, match="is registered") as caught:
            play.add("same", proceed)
        assert caught.value.reason is Reason.HOOK_EXISTS
        for number in range(MAX_HOOKS - 1):
            play.add(f"h{number}", proceed)
        with pytest.raises(ReplaydError, match="16 hooks") as caught:
            play.add("one more", proceed)
        assert caught.value.reason is Reason.TOO_MANY_HOOKS
        play.hooks.unregister(first)
        assert first.gone
        play.add("same", proceed)

    play(test)


def test_points_that_nobody_wants_are_known() -> None:
    async def test(play: Play) -> None:
        assert not play.hooks.wanted(HookPoint.REQUEST)
        hook = play.add("one", proceed, points=frozenset({HookPoint.REQUEST}))
        assert play.hooks.wanted(HookPoint.REQUEST)
        assert not play.hooks.wanted(HookPoint.ERROR)
        play.hooks.unregister(hook)
        assert not play.hooks.wanted(HookPoint.REQUEST)

    play(test)


def test_a_collected_content_is_in_memory_while_it_is_small() -> None:
    journal = open_memory(time.time_ns())
    small, large = journal.new_body(), journal.new_body()
    small.write(b"abc")
    large.write(bytes(300_000))
    assert collected(small).data == b"abc"
    assert collected(large).data is None
    assert b"".join(collected(large).pieces()) == bytes(300_000)
    assert NOTHING.size == 0

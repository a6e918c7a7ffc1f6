"""A hook's call on a real socket: what it may say, and how it ends. Nobody replays."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import event_pb2, hook_pb2, hook_pb2_grpc, reason_pb2
from flowreplay.v1.flow_pb2 import Request
from flowreplay.v1.replay_pb2 import ContentChunk

from replayd.errors import JournalError
from replayd.hooks.chain import Hooks
from replayd.hooks.words import End, Respond, Send
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED
from replayd.rpc.hook import HookService
from replayd.rpc.listen import UnixAddress
from replayd.rpc.server import RpcServer
from tests.hooks.questions import plan, replay
from tests.rpc.harness import DEADLINE, UNASKED, ends_with

LIMIT = 3 << 20
LARGE = 1 << 20
REGISTRATION = hook_pb2.HookRegistration(hook_name="h", points=[hook_pb2.HOOK_POINT_REQUEST])


class Serving:
    """A HookService, and a client that says what it is told to."""

    def __init__(self, journal: Journal, service: HookService, stub: Any) -> None:
        self.journal = journal
        self.service = service
        self._stub = stub
        self.hooks: list[Hooks | None] = []

    def call(self) -> Any:
        return self._stub.Hook(timeout=DEADLINE)

    async def registered(self, registration: hook_pb2.HookRegistration = REGISTRATION) -> Any:
        call = self.call()
        await call.write(hook_pb2.HookRequest(registration=registration))
        assert (await call.read()).cursor
        return call

    async def asked(self) -> "asyncio.Future[Send | Respond | End]":
        """Has the hooks asked about a request; returns what is decided."""
        hooks = self.hooks[-1]
        assert hooks is not None
        decided: asyncio.Future[Send | Respond | End] = asyncio.get_running_loop().create_future()
        of = plan()
        hooks.at_request(replay(of), of, decided.set_result)
        return decided

    def logs(self) -> list[event_pb2.LogEvent]:
        page = self.journal.read(0, limit=100, max_bytes=1 << 20)
        return [event_pb2.Event.FromString(each).log for each in page.events]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Serving]:
    journal = open_memory(time.time_ns())
    told: list[Serving] = []

    def use_hooks(hooks: Hooks | None, begun: Callable[[], None]) -> None:
        told[0].hooks.append(hooks)
        begun()

    service = HookService(
        journal,
        use_hooks,
        targets=TargetRules(),
        body_size_limit=LIMIT,
        redactor=UNKEYED,
    )
    server = RpcServer([service], [UnixAddress(folder / "s.sock")], UNASKED, max_calls=100)
    (bound,) = server.bind(folder)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(bound) as channel:
            told.append(Serving(journal, service, hook_pb2_grpc.HookServiceStub(channel)))
            yield told[0]
    finally:
        await server.stop(0)
        journal.close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Serving], Any]], None]:
    def runs(test: Callable[[Serving], Any]) -> None:
        async def served() -> None:
            async with serving(tmp_path) as found:
                await test(found)

        asyncio.run(served())

    return runs


Run = Callable[[Callable[[Serving], Any]], None]


def answers(call_id: int = 1, **decision: Any) -> hook_pb2.HookRequest:
    answer = hook_pb2.HookAnswer(call_id=call_id, **decision)
    return hook_pb2.HookRequest(answers=hook_pb2.HookAnswers(answers=[answer]))


PROCEED = answers(proceed=hook_pb2.HookProceed())
FOLLOWED = answers(request=Request(content_follows=True))


def chunk(data: bytes, *, last: bool = False) -> hook_pb2.HookRequest:
    return hook_pb2.HookRequest(content_chunk=ContentChunk(data=data, last=last))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hook_name": ""}, "hook_name"),
        ({"hook_name": "a b"}, "hook_name"),
        ({"points": []}, "points"),
        ({"points": [9]}, "points"),
        ({"filter": "~u ["}, "filter"),
        ({"late_policy": 9}, "late_policy"),
        ({"deadline_duration": {"seconds": 601}}, "deadline_duration"),
        ({"deadline_duration": {"nanos": 1}}, "deadline_duration"),
    ],
)
def test_a_registration_that_makes_no_sense(run: Run, change: Any, field: str) -> None:
    async def test(served: Serving) -> None:
        values = {"hook_name": "h", "points": [hook_pb2.HOOK_POINT_REQUEST], **change}
        call = served.call()
        await call.write(hook_pb2.HookRequest(registration=hook_pb2.HookRegistration(**values)))
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS) as metadata:
            raise await _failure(call)
        assert metadata["field"] == f"registration.{field}"

    run(test)


async def _failure(call: Any) -> Exception:
    """What a call ended with: `read` may only tell that it did."""
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return error
    details = await call.details(), await call.debug_error_string()
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), *details
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([PROCEED], Reason.INVALID_STREAM),
        ([None, None], Reason.INVALID_STREAM),
        ([None, chunk(b"")], Reason.INVALID_STREAM),
        ([None, FOLLOWED, PROCEED], Reason.INVALID_STREAM),
        ([None, FOLLOWED, *[chunk(bytes(1 << 20))] * 4], Reason.CONTENT_TOO_LARGE),
    ],
)
def test_what_may_not_be_said_ends_the_call(run: Run, said: Any, reason: Reason) -> None:
    async def test(served: Serving) -> None:
        call = served.call()
        registration = hook_pb2.HookRequest(registration=REGISTRATION)
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, reason):
            try:
                for message in said:
                    await call.write(message or registration)
            except grpc.aio.AioRpcError:
                pass
            raise await _failure(call)

    run(test)


def test_a_name_is_taken_once(run: Run) -> None:
    async def test(served: Serving) -> None:
        first = await served.registered()
        with ends_with(grpc.StatusCode.ALREADY_EXISTS, Reason.HOOK_EXISTS):
            call = served.call()
            await call.write(hook_pb2.HookRequest(registration=REGISTRATION))
            raise await _failure(call)
        first.cancel()

    run(test)


def test_an_answer_decides_and_a_second_one_is_ignored(run: Run) -> None:
    async def test(served: Serving) -> None:
        call = await served.registered()
        decided = await served.asked()
        (asked,) = (await call.read()).calls.calls
        assert (asked.replay_id, asked.flow.request.method) == ("b.0", b"GET")
        await call.write(answers(asked.call_id, kill=hook_pb2.HookKill(message="no")))
        verdict = await decided
        assert isinstance(verdict, End)
        assert verdict.message == "the hook h killed it: no"
        await call.write(PROCEED)
        again = await served.asked()
        (asked,) = (await call.read()).calls.calls
        await call.write(answers(asked.call_id, proceed=hook_pb2.HookProceed()))
        assert isinstance(await again, Send)
        call.cancel()

    run(test)


def test_who_goes_decides_nothing_more_and_it_is_logged(run: Run) -> None:
    async def test(served: Serving) -> None:
        call = await served.registered()
        decided = await served.asked()
        await call.read()
        call.cancel()
        verdict = await decided
        assert isinstance(verdict, Send)
        assert [note.reason for note in verdict.notes] == [Reason.HOOK_GONE]
        while served.hooks[-1] is not None or len(served.logs()) < 2:
            await asyncio.sleep(0)
        assert [log.reason for log in served.logs()] == [reason_pb2.REASON_HOOK_NOTE] * 2
        assert served.logs()[1].message.startswith("the hook h of ")
        assert served.logs()[1].message.endswith(" has gone")

    run(test)


def test_contents_above_what_it_wants_are_left_out(run: Run) -> None:
    async def test(served: Serving) -> None:
        registration = hook_pb2.HookRegistration(content_limit_bytes=3)
        registration.MergeFrom(REGISTRATION)
        call = await served.registered(registration)
        hooks = served.hooks[-1]
        assert hooks is not None
        for content in (b"abc", b"abcd"):
            of = plan(method=b"PUT", content=content)
            hooks.at_request(replay(of, content), of, lambda _: None)
            (asked,) = (await call.read()).calls.calls
            missing = len(content) > 3
            assert asked.flow.request.content_missing is missing
            assert asked.flow.request.content == (b"" if missing else content)
        call.cancel()

    run(test)


def test_a_content_beside_one_that_is_kept_is_dropped(run: Run) -> None:
    async def test(served: Serving) -> None:
        call = await served.registered()
        decided = await served.asked()
        await call.read()
        request = Request(method=b"GET", scheme=b"http", host="127.0.0.1", port=80, path=b"/")
        request.content = bytes(LARGE)
        with patch.object(served.journal, "new_body") as new_body:
            await call.write(answers(request=request, content_kept=True))
            await decided
        assert not new_body.called
        call.cancel()

    run(test)


def test_a_content_that_can_not_be_stored_is_forgotten(run: Run) -> None:
    async def test(served: Serving) -> None:
        call = await served.registered()
        await served.asked()
        body = served.journal.new_body()
        body.write(b"begun")
        full = patch.object(body, "write", side_effect=JournalError("the disk is full"))
        with full, patch.object(served.journal, "new_body", return_value=body):
            await call.write(answers(request=Request(content=bytes(LARGE))))
            with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.JOURNAL_UNAVAILABLE):
                raise await _failure(call)
        assert body.prefix(9) == b""

    run(test)


def test_who_goes_amid_a_content_leaves_nothing(run: Run) -> None:
    async def test(served: Serving) -> None:
        call = await served.registered()
        await served.asked()
        body = served.journal.new_body()
        writing, go_on, write = threading.Event(), threading.Event(), body.write

        def slow(data: bytes) -> None:
            writing.set()
            assert go_on.wait(DEADLINE)
            write(data)

        slowly = patch.object(body, "write", side_effect=slow)
        with slowly, patch.object(served.journal, "new_body", return_value=body):
            await call.write(answers(request=Request(content=bytes(LARGE))))
            assert await asyncio.to_thread(writing.wait, DEADLINE)
            call.cancel()
            hooks = served.hooks[-1]
            assert hooks is not None
            while hooks.registered:
                await asyncio.sleep(0)
            go_on.set()
            while len(served.logs()) < 2:
                await asyncio.sleep(0)
        assert (body.held, body.prefix(9)) == (LARGE, b"")

    run(test)


def test_a_stop_ends_it(run: Run) -> None:
    async def test(served: Serving) -> None:
        call = await served.registered()
        served.service.stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            raise await _failure(served.call())
        served.service.end()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            raise await _failure(call)

    run(test)

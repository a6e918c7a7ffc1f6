"""One hook's call: its registration, the questions to it, and its answers.

Questions wait in the hook's outbox until gRPC has room for them; one that was decided
meanwhile is not sent. Of a stuck client no more is kept than the replays that wait for it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from flowreplay.v1 import hook_pb2, replay_pb2
from google.protobuf.message import DecodeError

from replayd.codec.event import log_event
from replayd.errors import JournalError, ReplaydError
from replayd.hooks.chain import Hooks
from replayd.hooks.change import Replanner
from replayd.hooks.hook import Hook
from replayd.hooks.words import NOTHING, Content, collected, in_memory
from replayd.journal.interface import ROW_CONTENT_LIMIT, Body, Journal
from replayd.model.event import LogLevel
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import Redactor
from replayd.rpc.hook_messages import answer_of, call_message, follows, settings_of

CHUNK = 1 << 20
"""Bytes of a content that travel in one message."""

GROUP_SIZE, GROUP = 1 << 20, 32
"""Bytes of questions that travel in one message, but for one that is larger, and how many. As
many answers are heard before others have their turn.
"""


def open_hooks(
    journal: Journal,
    *,
    required: frozenset[str],
    targets: TargetRules,
    body_size_limit: int,
    redactor: Redactor,
) -> Hooks:
    """Makes the daemon's hooks; there are none at first."""
    replanner = Replanner(journal.options, targets, body_size_limit, redactor)
    return Hooks(journal, replanner, required)


class Attendance:
    """A call of a hook's client: `attend` it once."""

    def __init__(
        self,
        hooks: Hooks,
        journal: Journal,
        use_hooks: Callable[[Hooks | None, Callable[[], None]], None],
        stopping: asyncio.Event,
        cursor: Callable[[], str],
    ) -> None:
        """`use_hooks` has the replay thread ask; `cursor` tells where the log stands."""
        self._hooks = hooks
        self._journal = journal
        self._use_hooks = use_hooks
        self._stopping = stopping
        self._cursor = cursor

    async def attend(
        self, messages: AsyncIterator[bytes], client: str
    ) -> AsyncGenerator[bytes, None]:
        """Yields what the client is told, until it goes or the daemon stops.

        Raises ReplaydError for what the client does wrong, and DAEMON_STOPPING.
        """
        settings = settings_of(await _registration(messages))
        hook = self._hooks.register(settings)
        listening: asyncio.Task[None] | None = None
        try:
            cursor = self._cursor()
            await self._asked_from_now_on()
            await self._log(LogLevel.INFO, f"the hook {hook.name} of {client} is registered")
            listening = asyncio.create_task(self._listen(hook, messages))
            listening.add_done_callback(lambda _: hook.end())
            registered = hook_pb2.HookRegistered()
            yield hook_pb2.HookResponse(registered=registered, cursor=cursor).SerializeToString()
            while not hook.gone:
                await hook.asked.wait()
                async for message in _questions(hook):
                    yield message
            if self._stopping.is_set():
                raise ReplaydError(
                    Reason.DAEMON_STOPPING, "the daemon is stopping; register again when it is back"
                )
            await listening
        finally:
            self._hooks.unregister(hook)
            if not self._hooks.registered and not self._hooks.required:
                self._use_hooks(None, lambda: None)
            if listening is not None:
                listening.cancel()
                with suppress(asyncio.CancelledError, ReplaydError):
                    await listening
            said = f"the hook {hook.name} of {client} has gone"
            if hook.name in self._hooks.missing:
                said += "; nothing is sent until it is back (--require-hook)"
            await self._log(LogLevel.WARNING, said)

    async def _asked_from_now_on(self) -> None:
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(begun.set)

        self._use_hooks(self._hooks, tell)
        stopped = asyncio.create_task(self._stopping.wait())
        asking = asyncio.create_task(begun.wait())
        _, waiting = await asyncio.wait({stopped, asking}, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()

    async def _log(self, level: LogLevel, message: str) -> None:
        event = log_event(level, message, time.time_ns(), reason=Reason.HOOK_NOTE)

        def write() -> None:
            # A journal that can't store ends more than this; the daemon's own log has it.
            with suppress(JournalError):
                self._journal.emit([event])
                self._journal.commit()

        await asyncio.shield(asyncio.to_thread(write))

    # What the client says

    async def _listen(self, hook: Hook, messages: AsyncIterator[bytes]) -> None:
        async for encoded in messages:
            hook.heard()
            request = _parsed(encoded)
            if request.WhichOneof("payload") != "answers":
                raise _invalid("only answers may stand here")
            last = len(request.answers.answers) - 1
            for position, answer in enumerate(request.answers.answers):
                if position % GROUP == GROUP - 1:
                    await asyncio.sleep(0)
                if follows(answer) and position != last:
                    raise _invalid("content_follows is for the last answer of a message")
                await self._answer(hook, answer, messages)

    async def _answer(
        self, hook: Hook, answer: hook_pb2.HookAnswer, messages: AsyncIterator[bytes]
    ) -> None:
        if follows(answer):
            content = await self._following(messages)
        else:
            half: Any = getattr(answer, answer.WhichOneof("decision") or "proceed")
            data = b"" if answer.content_kept else getattr(half, "content", b"")
            content = await self._inline(data)
        question = hook.question(answer.call_id)
        if question is None:
            content.discard()
        else:
            hook.hear(answer.call_id, answer_of(answer, question, content))

    async def _inline(self, data: bytes) -> Content:
        if len(data) <= ROW_CONTENT_LIMIT:
            return in_memory(data) if data else NOTHING
        self._check(len(data))
        body = self._journal.new_body()
        try:
            await _written(body, data)
        except BaseException:
            body.discard()
            raise
        return collected(body)

    async def _following(self, messages: AsyncIterator[bytes]) -> Content:
        body = self._journal.new_body()
        try:
            async for encoded in messages:
                request = _parsed(encoded)
                if request.WhichOneof("payload") != "content_chunk":
                    break
                chunk = request.content_chunk
                self._check(body.size + len(chunk.data))
                await _written(body, chunk.data)
                if chunk.last:
                    return collected(body)
        except BaseException:
            body.discard()
            raise
        body.discard()
        raise _invalid("the announced content_chunk messages did not follow up to `last`")

    def _check(self, size: int) -> None:
        limit = self._hooks.content_limit
        if size > limit:
            raise ReplaydError(
                Reason.CONTENT_TOO_LARGE,
                f"a hook's content has more than {limit} bytes; the daemon's --body-size-limit "
                "sets this",
                limit_bytes=limit,
            )


async def _registration(messages: AsyncIterator[bytes]) -> hook_pb2.HookRegistration:
    async for encoded in messages:
        request = _parsed(encoded)
        if request.WhichOneof("payload") == "registration":
            return request.registration
        break
    raise _invalid("the first message has to be a registration")


async def _questions(hook: Hook) -> AsyncIterator[bytes]:
    """Yields what waits to be asked: many questions a message."""
    group, size = hook_pb2.HookCalls(), 0
    limit = hook.settings.content_limit
    while (call := hook.take()) is not None:
        asked = call_message(call, limit)
        length = asked.message.ByteSize()
        if size and (size + length > GROUP_SIZE or len(group.calls) == GROUP):
            yield hook_pb2.HookResponse(calls=group).SerializeToString()
            group, size = hook_pb2.HookCalls(), 0
        group.calls.append(asked.message)
        size += length
        if asked.follow:
            yield hook_pb2.HookResponse(calls=group).SerializeToString()
            group, size = hook_pb2.HookCalls(), 0
            for content in asked.follow:
                async for message in _chunks(content):
                    yield message
    if size:
        yield hook_pb2.HookResponse(calls=group).SerializeToString()


async def _chunks(content: Content) -> AsyncIterator[bytes]:
    """Yields a content in messages. One that is gone meanwhile, since its replay is decided,
    ends early: nobody waits for the answer.
    """
    pieces = iter(content.pieces())
    held = bytearray()
    with suppress(ReplaydError):
        while piece := await asyncio.to_thread(next, pieces, b""):
            held += piece
            while len(held) > CHUNK:
                yield _chunk(bytes(held[:CHUNK]), last=False)
                del held[:CHUNK]
    yield _chunk(bytes(held), last=True)


def _chunk(data: bytes, *, last: bool) -> bytes:
    chunk = replay_pb2.ContentChunk(data=data, last=last)
    return hook_pb2.HookResponse(content_chunk=chunk).SerializeToString()


async def _written(body: Body, data: bytes) -> None:
    """Adds to a body, which may go to a disk. Whoever is cancelled meanwhile goes on once that is
    done: what is being written can't be discarded.
    """
    writing = asyncio.ensure_future(asyncio.to_thread(body.write, data))
    try:
        await asyncio.shield(writing)
    finally:
        await asyncio.gather(writing, return_exceptions=True)


def _parsed(encoded: bytes) -> hook_pb2.HookRequest:
    try:
        return hook_pb2.HookRequest.FromString(encoded)
    except DecodeError as error:
        raise ReplaydError(
            Reason.INVALID_STREAM, "a message is not a flowreplay.v1.HookRequest"
        ) from error


def _invalid(what: str) -> ReplaydError:
    return ReplaydError(Reason.INVALID_STREAM, what)

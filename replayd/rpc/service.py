"""ReplayService: a method for each RPC, three steps each: convert, call, convert.

Messages of Enqueue come in, and those of WatchEvents go out, as the bytes that they are
on the wire: what they hold is the decoder's and the log's business.
"""

import asyncio
import functools
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc
from flowreplay.v1 import replay_pb2

from replayd import __version__
from replayd.codec.cursor import Cursor, encode_cursor
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.reasons import Reason
from replayd.rpc.convert import clear_answer, count_answer, running_message
from replayd.rpc.enqueue import Enqueuer
from replayd.rpc.status import abort
from replayd.rpc.watch import Watchers

SERVICE_NAME = replay_pb2.DESCRIPTOR.services_by_name["ReplayService"].full_name

LISTED_RUNNING = 100

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What the daemon says of itself."""

    start_time: int
    """Nanoseconds since the epoch."""
    concurrency: int


class ReplayService:
    """Answers the calls of `flowreplay.v1.ReplayService`."""

    def __init__(
        self, journal: Journal, enqueuer: Enqueuer, watchers: Watchers, about: About
    ) -> None:
        self._journal = journal
        self._enqueuer = enqueuer
        self._watchers = watchers
        self._about = about
        self._stopping = False

    def stop(self) -> None:
        """Refuses every call from now on but Count, GetStatus and what runs already."""
        self._stopping = True

    async def enqueue(self, messages: AsyncIterator[bytes], context: Context) -> bytes:
        """Enqueue."""
        self._refuse_when_stopping()
        receipt = await self._enqueuer.enqueue(messages, lambda: _still_wanted(context))
        answer = replay_pb2.EnqueueResponse.FromString(receipt.answer)
        answer.cursor = self._cursor(receipt.sequence)
        answer.duplicate = receipt.duplicate
        return answer.SerializeToString()

    async def clear(self, request: replay_pb2.ClearRequest, _: Context) -> replay_pb2.ClearResponse:
        """Clear."""
        self._refuse_when_stopping()
        cleared = await asyncio.to_thread(self._journal.clear, request.batch_id, time.time_ns())
        return clear_answer(cleared, self._cursor())

    async def count(self, request: replay_pb2.CountRequest, _: Context) -> replay_pb2.CountResponse:
        """Count."""
        # Before it counts: who watches from there misses nothing that was not counted.
        cursor = self._cursor()
        counts = await asyncio.to_thread(self._journal.count, request.batch_id)
        return count_answer(counts, self._journal.paused, cursor)

    async def watch_events(
        self, request: replay_pb2.WatchEventsRequest, _: Context
    ) -> AsyncGenerator[bytes, None]:
        """WatchEvents."""
        self._refuse_when_stopping()
        async with aclosing(self._watchers.watch(request)) as messages:
            async for message in messages:
                yield message

    async def pause(self, _: replay_pb2.PauseRequest, __: Context) -> replay_pb2.PauseResponse:
        """Pause."""
        self._refuse_when_stopping()
        changed = await asyncio.to_thread(self._journal.pause, True, time.time_ns())
        return replay_pb2.PauseResponse(changed=changed, cursor=self._cursor())

    async def resume(self, _: replay_pb2.ResumeRequest, __: Context) -> replay_pb2.ResumeResponse:
        """Resume."""
        self._refuse_when_stopping()
        changed = await asyncio.to_thread(self._journal.pause, False, time.time_ns())
        return replay_pb2.ResumeResponse(changed=changed, cursor=self._cursor())

    async def get_status(
        self, _: replay_pb2.GetStatusRequest, __: Context
    ) -> replay_pb2.GetStatusResponse:
        """GetStatus."""
        journal = self._journal
        latest = journal.latest
        page = await asyncio.to_thread(journal.read, latest, limit=1, max_bytes=1)
        answer = replay_pb2.GetStatusResponse(
            version=__version__,
            journal=journal.info.kind,
            store_id=journal.info.store_id,
            oldest_sequence=page.oldest,
            latest_sequence=latest,
            concurrency=self._about.concurrency,
            watcher_count=self._watchers.count,
            paused=journal.paused,
            running_replays=map(running_message, journal.running()[:LISTED_RUNNING]),
            cursor=self._cursor(latest),
        )
        answer.start_time.FromNanoseconds(self._about.start_time)
        return answer

    def _cursor(self, sequence: int | None = None) -> str:
        info = self._journal.info
        place = self._journal.latest if sequence is None else sequence
        return encode_cursor(Cursor(info.store_id, info.epoch, place))

    def _refuse_when_stopping(self) -> None:
        if self._stopping:
            raise ReplaydError(
                Reason.DAEMON_STOPPING, "the daemon is stopping; try again when it is back"
            )


def method_handlers(service: ReplayService) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    """Makes the table of gRPC's handlers: a name, a shape, a way to read and to write."""

    def unary(method: Callable[..., Coroutine[Any, Any, Any]], request: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            _answering(method),
            request_deserializer=request.FromString,
            response_serializer=_serialize,
        )

    return {
        "Enqueue": grpc.stream_unary_rpc_method_handler(_answering(service.enqueue)),
        "WatchEvents": grpc.unary_stream_rpc_method_handler(
            _streaming(service.watch_events),
            request_deserializer=replay_pb2.WatchEventsRequest.FromString,
        ),
        "Clear": unary(service.clear, replay_pb2.ClearRequest),
        "Count": unary(service.count, replay_pb2.CountRequest),
        "Pause": unary(service.pause, replay_pb2.PauseRequest),
        "Resume": unary(service.resume, replay_pb2.ResumeRequest),
        "GetStatus": unary(service.get_status, replay_pb2.GetStatusRequest),
    }


def _serialize(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded


def _answering(
    method: Callable[[Any, Context], Coroutine[Any, Any, Any]],
) -> Callable[[Any, Context], Coroutine[Any, Any, Any]]:
    """Ends the call with the right status when the method raises a ReplaydError."""

    @functools.wraps(method)
    async def answer(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except ReplaydError as error:
            await _abort(context, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this call alone
            await _abort(context, _unforeseen(error))

    return answer


def _streaming(
    method: Callable[[Any, Context], AsyncGenerator[bytes, None]],
) -> Callable[[Any, Context], AsyncIterator[bytes]]:
    """Ends the stream with the right status when the method raises a ReplaydError."""

    @functools.wraps(method)
    async def answer(request: Any, context: Context) -> AsyncIterator[bytes]:
        try:
            async with aclosing(method(request, context)) as messages:
                async for message in messages:
                    yield message
        except ReplaydError as error:
            await _abort(context, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this call alone
            await _abort(context, _unforeseen(error))

    return answer


async def _still_wanted(context: Context) -> None:
    """Raises CancelledError when the call was given up.

    gRPC gives a handler the end of a cancelled or broken call as the end of its messages,
    and cancels it only some time after; `context.cancelled()` and `done()` tell nothing.
    But nothing can be sent on such a call any more.
    """
    try:
        await context.send_initial_metadata(())
    except grpc.aio.BaseError as error:
        raise asyncio.CancelledError("the call was given up") from error


def _unforeseen(error: Exception) -> ReplaydError:
    _log.error("a call failed", exc_info=error)
    return ReplaydError(
        Reason.INTERNAL, f"the daemon failed ({type(error).__name__}); its log has more"
    )


async def _abort(context: Context, error: ReplaydError) -> None:
    _log.info("a call ended with %s: %s", error.reason.name, error.message)
    await abort(context, error)

"""An Enqueue from its first message to its answer: all or nothing, durable.

The worker's rows are staged as they come; one last commit queues them. Whatever happens
before it (a cancelled call, a dead worker, a damaged capture) discards what was staged.
One that streams queues its rows as they come, and then what was queued stays.
"""

import asyncio
import base64
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from flowreplay.v1 import replay_pb2

from replayd.access.roles import LOCAL, Caller, Role
from replayd.codec.event import log_event
from replayd.codec.row import decode_rows
from replayd.errors import ReplaydError
from replayd.intake.frames import LISTED, Summary
from replayd.intake.options import settle_owner, terms_of
from replayd.intake.pool import DecoderPool
from replayd.journal.interface import Journal, Receipt
from replayd.model.event import LogLevel, PendingEvent
from replayd.reasons import Reason
from replayd.rpc.convert import enqueue_answer
from replayd.rpc.incoming import check_strict, opening, with_first
from replayd.rpc.quotas import Claim, ClientLimits, Quotas
from replayd.rpc.room import QueueRoom
from replayd.rpc.under_way import UnderWay

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_NO_LIMITS = ClientLimits()


class Enqueuer:
    """Takes Enqueue streams. Lives on one event loop; the journal's commits do not."""

    def __init__(
        self,
        journal: Journal,
        decoders: DecoderPool,
        *,
        max_queued: int = 0,
        client: ClientLimits = _NO_LIMITS,
    ) -> None:
        """`max_queued`: replays that may wait at once; 0: no limit. `client`: what each client
        may take up.
        """
        self._journal = journal
        self._decoders = decoders
        self._room = QueueRoom(lambda: journal.count("").queued, max_queued)
        self._quotas = Quotas(journal.count, client)
        self._under_way: UnderWay[Receipt] = UnderWay(
            "the daemon stopped before it had taken everything; nothing was queued"
        )

    async def enqueue(
        self,
        messages: AsyncIterator[bytes],
        check: Callable[[], Awaitable[None]] | None = None,
        *,
        client: str,
        caller: Caller = LOCAL,
    ) -> Receipt:
        """Takes the encoded EnqueueRequests of one stream of a client. `check`, called when they
        have ended and before they are queued, raises when this was not their true end.
        `caller`: whose the batch is, if it is somebody in particular; else the options may say.

        Raises ReplaydError for all that the contract lists; nothing was queued then, but by
        an Enqueue that streams: its metadata has `batch_id`, `accepted_count`, `last_index`.
        """
        with self._quotas.call(client) as claim:
            taking = self._under_way.begin(self._enqueue(messages, check or _trust, claim, caller))
            return await self._under_way.result(taking)

    async def stop(self) -> None:
        """Gives up every Enqueue under way and waits until nothing of it is left."""
        await self._under_way.stop()

    async def _enqueue(
        self,
        messages: AsyncIterator[bytes],
        check: Callable[[], Awaitable[None]],
        claim: Claim,
        caller: Caller,
    ) -> Receipt:
        first = await anext(messages, None)
        options = opening(first or b"", replay_pb2.EnqueueRequest).options
        settle_owner(options, caller.name if caller.known else "")
        if options.priority > 0:
            # It holds up what others have queued, as `SetPriority` does.
            caller.require(Role.ADMIN)
        messages = with_first(first, messages)
        async with claimed(self._journal, options.request_id) as known:
            if known is None:
                return await self._take(options, messages, check, claim)
        return await self._repeat(options.request_id, messages, claim)

    async def _take(
        self,
        options: replay_pb2.EnqueueOptions,
        messages: AsyncIterator[bytes],
        check: Callable[[], Awaitable[None]],
        claim: Claim,
    ) -> Receipt:
        # Before anything is decoded: a full queue costs nothing.
        self._room.check()
        batch_id = claim.batch_id = new_batch_id()
        try:
            await to_the_end(self._journal.stage, batch_id, [])
            summary = await self._store(batch_id, options, messages, claim)
            check_strict(options, summary)
            await finished(check())
            replays = summary.accepted * (options.repeat_count or 1)
            with self._room.taking(0 if options.stream else replays):
                accepting = asyncio.to_thread(self._accept, batch_id, options, summary)
                # What is queued can't be taken back: a call that is given up meanwhile came too
                # late.
                receipt = await finished(accepting, despite_cancel=True)
        except BaseException as error:
            await self._give_up(batch_id, error)
            raise
        _log.info("batch %s: %d accepted, %d refused", batch_id, summary.accepted, summary.refused)
        return receipt

    async def _give_up(self, batch_id: str, error: BaseException) -> None:
        """Discards a batch; raises what to say in place of the error, if it has queued some."""
        if isinstance(error, asyncio.CancelledError) and self._under_way.stopping:
            error = ReplaydError(
                Reason.DAEMON_STOPPING, "the daemon stopped before it had taken everything"
            )
        notes = [_broken_off(batch_id, error)]
        kept = await to_the_end(self._journal.discard, batch_id, notes)
        if kept is None:
            return
        _log.warning("batch %s broke off: %d accepted", batch_id, kept.count)
        if isinstance(error, ReplaydError):
            said: dict[str, str | int] = {
                **error.metadata,
                "batch_id": batch_id,
                "accepted_count": kept.count,
                "last_index": kept.last_index,
            }
            message = f"{error.message}; accepted before that: {kept.count}, as batch {batch_id}"
            raise ReplaydError(error.reason, message, **said) from error

    async def _store(
        self,
        batch_id: str,
        options: replay_pb2.EnqueueOptions,
        messages: AsyncIterator[bytes],
        claim: Claim,
    ) -> Summary:
        """Stages the rows as they come, or queues them."""
        staged = 0
        holds_up = partial(self._journal.holds_up, batch_id)
        async with self._decoders.lend(claim.client) as worker, worker.giving_way(holds_up):
            # Closed here, not by the garbage collector: it reads the messages.
            async with aclosing(worker.decode(messages)) as groups:
                async for group in groups:
                    if options.stream:
                        await to_the_end(self._queue_group, batch_id, options, group, claim)
                    else:
                        staged += await to_the_end(
                            self._stage_group, batch_id, options, staged, group, claim
                        )
            return worker.summary

    def _stage_group(
        self,
        batch_id: str,
        options: replay_pb2.EnqueueOptions,
        staged: int,
        group: bytes,
        claim: Claim,
    ) -> int:
        """Returns how many replays it makes, of all runs."""
        rows = list(decode_rows(group))
        replays = len(rows) * (options.repeat_count or 1)
        claim.take(replays, len(group))
        # What has no room in the end is not stored in vain.
        self._room.check(staged + replays)
        self._journal.stage(batch_id, rows)
        return replays

    def _queue_group(
        self, batch_id: str, options: replay_pb2.EnqueueOptions, group: bytes, claim: Claim
    ) -> None:
        rows = list(decode_rows(group))
        claim.take(len(rows), len(group))
        with self._room.taking(len(rows)):
            self._journal.extend(
                batch_id,
                rows,
                now=time.time_ns(),
                terms=terms_of(options),
                request_id=options.request_id,
            )

    def _accept(
        self, batch_id: str, options: replay_pb2.EnqueueOptions, summary: Summary
    ) -> Receipt:
        now = time.time_ns()
        return self._journal.accept(
            batch_id,
            now=now,
            answer=enqueue_answer(batch_id, summary, options.repeat_count).SerializeToString(),
            notes=_notes(batch_id, summary, now),
            terms=terms_of(options),
            request_id=options.request_id,
            content_hash=bytes.fromhex(summary.content_hash),
        )

    async def _repeat(
        self, request_id: str, messages: AsyncIterator[bytes], claim: Claim
    ) -> Receipt:
        """Returns the first answer once more, if the content is the same."""
        async with self._decoders.lend(claim.client) as worker:
            async for _ in worker.decode(messages):
                pass
            content_hash = bytes.fromhex(worker.summary.content_hash)
        return await answered(self._journal, request_id, content_hash)

    @property
    def room(self) -> QueueRoom:
        """The room in the queue that all share."""
        return self._room


@asynccontextmanager
async def claimed(journal: Journal, request_id: str) -> AsyncIterator[Receipt | None]:
    """Claims a request_id (if there is one) for as long as its call is under way; yields what
    it was answered before.
    """
    claims: list[str] = []

    def claim() -> Receipt | None:
        known = journal.reserve(request_id, None)
        if known is None:
            claims.append(request_id)
        return known

    try:
        yield await to_the_end(claim) if request_id else None
    finally:
        # A cancelled call may hold one as well. After an accept there is none left.
        for each in claims:
            journal.release(each)


async def answered(journal: Journal, request_id: str, content_hash: bytes) -> Receipt:
    """Returns the first answer once more. Raises ReplaydError: REQUEST_ID_REUSED when the content
    is another one, REQUEST_IN_PROGRESS.
    """
    known = await asyncio.to_thread(journal.reserve, request_id, content_hash)
    if known is None:
        # Its 24 hours ended just now; the next try is a first one.
        journal.release(request_id)
        raise ReplaydError(
            Reason.REQUEST_IN_PROGRESS,
            f"request_id {request_id!r} was forgotten during this call; try again",
            request_id=request_id,
        )
    return known


async def to_the_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a function in a thread and waits until it has ended, also when cancelled.

    A step of the journal that goes on after its call was given up would race with the
    discard that follows.
    """
    return await finished(asyncio.to_thread(function, *args, **kwargs))


async def finished(step: Awaitable[T], *, despite_cancel: bool = False) -> T:
    """Waits until a step has ended, also when cancelled, and however often; `despite_cancel`
    returns its result then too. What the step raises comes before a cancellation.
    """
    running = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    result = running.result()
    if cancelled is not None and not despite_cancel:
        raise cancelled
    return result


async def _trust() -> None:
    """Takes the end of the messages for what it seems to be."""


def new_batch_id() -> str:
    """Makes a batch id: 40 random bits as 8 letters and digits that are easy to type."""
    return base64.b32encode(secrets.token_bytes(5)).decode().lower()


def _broken_off(batch_id: str, error: BaseException) -> PendingEvent:
    """Makes the `log` event of a batch that has begun and is never read to its end."""
    reason, why = Reason.UNSPECIFIED, "the call was given up"
    if isinstance(error, ReplaydError):
        reason, why = error.reason, error.message
    elif not isinstance(error, asyncio.CancelledError):
        reason, why = Reason.INTERNAL, f"the daemon failed ({type(error).__name__})"
    return log_event(
        LogLevel.WARNING,
        f"nothing more of this batch is queued: {why}",
        time.time_ns(),
        reason=reason,
        batch_id=batch_id,
    )


def _notes(batch_id: str, summary: Summary, now: int) -> list[PendingEvent]:
    """Makes the `log` events of refusals and notes."""
    events = [
        log_event(
            LogLevel.WARNING,
            f"refused: {each.message}",
            now,
            reason=Reason(each.reason),
            batch_id=batch_id,
            flow_index=each.flow_index,
            flow_id=each.flow_id,
        )
        for each in summary.refusals
    ]
    events += [
        log_event(
            LogLevel.WARNING,
            note.message,
            now,
            reason=Reason.CAPTURE_NOTE,
            batch_id=batch_id,
            flow_index=note.flow_index,
        )
        for note in summary.notes
    ]
    for total, what in ((summary.refused, "refused flows"), (summary.noted, "notes")):
        if total > LISTED:
            more = f"{total - LISTED} more {what} of this batch are only counted"
            events.append(log_event(LogLevel.WARNING, more, now, batch_id=batch_id))
    return events

"""Retry: replays that have ended are sent once more, as a new batch."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import NamedTuple

from flowreplay.v1 import replay_pb2

from replayd.codec.event import range_messages
from replayd.errors import FieldError
from replayd.intake.options import MAX_TEXT
from replayd.journal.interface import Journal, Receipt
from replayd.model.replay import OUTCOMES, ReplayState, ranges_of
from replayd.rpc.enqueue import answered, claimed, finished, new_batch_id, to_the_end
from replayd.rpc.replay_ids import replay_keys
from replayd.rpc.room import QueueRoom

MAX_REPLAYS = 1000
"""How many replays one call names at most."""

_RANGES = 1000
"""How many ranges an answer has at most."""

_OUTCOMES = frozenset(map(int, OUTCOMES))


class Wanted(NamedTuple):
    """What a Retry asks for."""

    batch_id: str
    flow_indices: Sequence[int] | None
    """None: all with one of these outcomes."""
    states: frozenset[ReplayState]


class Retrier:
    """Sends replays once more."""

    def __init__(self, journal: Journal, room: QueueRoom) -> None:
        self._journal = journal
        self._room = room

    async def retry(self, request: replay_pb2.RetryRequest) -> Receipt:
        """Returns the answer, but for its cursor and whether it is a duplicate. Raises
        ReplaydError for all that the contract lists; nothing was queued then.
        """
        wanted = wanted_by(request)
        request_id = request.request_id
        async with claimed(self._journal, request_id) as known:
            if known is None:
                return await self._retry(wanted, request_id, _hash(request))
        return await answered(self._journal, request_id, _hash(request))

    async def _retry(self, wanted: Wanted, request_id: str, content_hash: bytes) -> Receipt:
        journal = self._journal
        indices = await to_the_end(
            journal.ended, wanted.batch_id, wanted.flow_indices, wanted.states
        )
        if not indices:
            return Receipt(replay_pb2.RetryResponse().SerializeToString(), journal.latest)
        batch_id = new_batch_id()
        ranges = ranges_of(wanted.batch_id, indices)
        answer = replay_pb2.RetryResponse(
            batch_id=batch_id,
            accepted_count=len(indices),
            ranges=range_messages(ranges[:_RANGES]),
        )
        with self._room.taking(len(indices)):
            retrying = asyncio.to_thread(
                journal.retry,
                wanted.batch_id,
                indices,
                retried_as=batch_id,
                now=time.time_ns(),
                answer=answer.SerializeToString(),
                request_id=request_id,
                content_hash=content_hash,
            )
            # What is queued can't be taken back: a call that is given up meanwhile came too late.
            return await finished(retrying, despite_cancel=True)


def wanted_by(request: replay_pb2.RetryRequest) -> Wanted:
    """Raises ReplaydError: INVALID_OPTIONS, REPLAY_NOT_FOUND for what can be no replay's id."""
    if bool(request.replay_ids) == bool(request.batch_id):
        raise FieldError("replay_ids", "or batch_id: name replays of one batch, or the batch")
    if len(request.request_id) > MAX_TEXT:
        raise FieldError("request_id", f"may have at most {MAX_TEXT} characters")
    if unknown := set(request.states) - _OUTCOMES:
        raise FieldError("states", f"has {min(unknown)}, which is no outcome")
    if request.batch_id:
        states = frozenset(map(ReplayState, request.states))
        return Wanted(request.batch_id, None, states or frozenset({ReplayState.FAILED}))
    if request.states:
        raise FieldError("states", "are for a batch; replays are sent once more however they ended")
    if len(request.replay_ids) > MAX_REPLAYS:
        raise FieldError("replay_ids", f"may have at most {MAX_REPLAYS}; name the batch")
    keys = replay_keys(request.replay_ids)
    batch_ids = {key.batch_id for key in keys}
    if len(batch_ids) > 1:
        raise FieldError("replay_ids", f"are of {len(batch_ids)} batches; retry each in a call")
    return Wanted(batch_ids.pop(), [key.slot for key in keys], frozenset())


def _hash(request: replay_pb2.RetryRequest) -> bytes:
    """Tells what is asked for; no capture of an Enqueue has the same."""
    what = replay_pb2.RetryRequest()
    what.CopyFrom(request)
    what.request_id = ""
    return hashlib.sha256(b"Retry " + what.SerializeToString(deterministic=True)).digest()

"""How a client has replays sent once more: what a crash has parked, and what has ended."""

from functools import partial

from flowreplay.v1 import event_pb2, replay_pb2

from tools.chaos.caller import PATIENCE, Caller, flat, sequence_of

_STATES = (
    (event_pb2.REPLAY_STATE_FAILED,),
    (event_pb2.REPLAY_STATE_INTERRUPTED,),
    (event_pb2.REPLAY_STATE_FAILED, event_pb2.REPLAY_STATE_INTERRUPTED),
)
"""Of what is retried of a batch."""

_NAMED = 10
"""Replays that one call names."""


class OnceMore:
    """Calls for a client."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def resolve(self) -> None:
        """Resolves all that is parked of a batch; most have nothing."""
        caller = self._caller
        batch_id = caller.some_batch()
        if not batch_id:
            return
        how = caller.random.choice((event_pb2.RESOLUTION_DROP, event_pb2.RESOLUTION_RESEND))
        request = replay_pb2.ResolveRequest(batch_id=batch_id, resolution=how)
        told = caller.stub.Resolve(request, timeout=PATIENCE, wait_for_ready=True)
        caller.say(
            "resolve",
            batch=batch_id,
            count=told.resolved_count,
            ranges=[*map(flat, told.ranges)],
            resent_as=told.resent_batch_id,
            after=sequence_of(told.cursor),
        )
        if told.resent_batch_id:
            caller.batch_ids.append(told.resent_batch_id)

    def retry(self) -> None:
        """Sends once more what has failed, or is parked, of a batch that is over, or its first
        replays, however they ended.
        """
        caller, random = self._caller, self._caller.random
        batch_id = caller.some_batch()
        if not batch_id:
            return
        request = replay_pb2.RetryRequest()
        if random.random() < 0.3:
            named = range(random.randrange(1, _NAMED))
            request.replay_ids.extend(f"{batch_id}.{index}" for index in named)
        else:
            # Of one that is not, more may fail meanwhile: then nobody could tell which are meant.
            count = caller.stub.Count(
                replay_pb2.CountRequest(batch_id=batch_id), timeout=PATIENCE, wait_for_ready=True
            )
            if count.queued_count or count.running_count or count.open_batch_count:
                return
            request.batch_id = batch_id
            request.states.extend(random.choice(_STATES))
        call = f"{caller.new_call()}-retry" if random.random() < 0.7 else ""
        request.request_id = call
        self._until_answered(batch_id, request, call)
        if call and random.random() < 0.2:
            self._until_answered(batch_id, request, call)

    def _until_answered(self, batch_id: str, request: replay_pb2.RetryRequest, call: str) -> None:
        caller = self._caller
        told = caller.until_answered(call, partial(self._ask, request), again=bool(call))
        if told is None:
            return
        caller.say(
            "retry",
            call=call,
            batch=batch_id,
            states=[*request.states],
            count=told.accepted_count,
            ranges=[*map(flat, told.ranges)],
            resent_as=told.batch_id,
            duplicate=told.duplicate,
            after=sequence_of(told.cursor),
        )
        if told.batch_id:
            caller.batch_ids.append(told.batch_id)

    def _ask(self, request: replay_pb2.RetryRequest, patience: float) -> replay_pb2.RetryResponse:
        return self._caller.stub.Retry(request, timeout=patience, wait_for_ready=True)

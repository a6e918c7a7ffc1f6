"""How a client enqueues flows, in all the ways that there are."""

import time
from collections.abc import Iterator
from functools import partial

from flowreplay.v1 import replay_pb2

from tools.chaos import flows
from tools.chaos.caller import PATIENCE, Caller, sequence_of
from tools.chaos.live import SOURCE

_PIECE = 250
"""Flows of a message."""

_CHUNK = 16 << 10
"""Bytes of a capture of a message."""

_MOST_LIVE = 500
"""Flows of a call with live values: those run one after the other."""

_MOST_REPEATED = 200
"""Flows of a call that are replayed more than once."""


class Enqueuing:
    """Enqueues for a client."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def enqueue(self) -> None:
        """Enqueues some flows."""
        caller, random = self._caller, self._caller.random
        policy = random.choice(("", "", "", *flows.POLICIES))
        tag = f"{caller.new_call()}{policy}"
        count = min(random.choice((1, 5, 50, 200, 500, 1000, 2000)), caller.habits.flows)
        how = random.choice(("typed", "typed", "capture", "stream", "dropped"))
        request_id = f"id-{tag}" if random.random() < 0.6 else ""
        runs = random.choice((1, 1, 2, 3)) if how != "stream" and count <= _MOST_REPEATED else 1
        live = how == "typed" and count <= _MOST_LIVE and random.random() < 0.6
        two = random.random() < 0.25
        options = replay_pb2.EnqueueOptions(
            label=tag,
            request_id=request_id,
            stream=how == "stream",
            repeat_count=runs,
            http_version=replay_pb2.HTTP_VERSION_TWO if two else replay_pb2.HTTP_VERSION_AUTO,
            carry=[SOURCE] if live else (),
            on_interrupt=flows.POLICIES.get(policy, replay_pb2.ON_INTERRUPT_UNSPECIFIED),
        )
        messages = [
            replay_pb2.EnqueueRequest(options=options),
            *self._content(how, tag, count, live),
        ]
        caller.say("try", call=tag, replays=count * runs, how=how, id=request_id)
        if how == "dropped":
            self._drop(messages)
            if not request_id:
                return
        self._until_answered(tag, messages, again=bool(request_id), slowly=how == "stream")
        if request_id and random.random() < 0.1:
            self._until_answered(tag, messages, again=True, slowly=False)

    def _content(
        self, how: str, tag: str, count: int, live: bool
    ) -> Iterator[replay_pb2.EnqueueRequest]:
        random, port = self._caller.random, self._caller.port
        if how == "capture":
            capture = flows.capture(random, tag, count, port)
            for at in range(0, len(capture), _CHUNK):
                yield replay_pb2.EnqueueRequest(capture_chunk=capture[at : at + _CHUNK])
            return
        typed = flows.typed(random, tag, count, port, live=live)
        for at in range(0, count, _PIECE):
            batch = replay_pb2.FlowBatch(flows=typed[at : at + _PIECE])
            yield replay_pb2.EnqueueRequest(flow_batch=batch)

    def _drop(self, messages: list[replay_pb2.EnqueueRequest]) -> None:
        """Calls, and gives the call up on the way."""
        caller = self._caller
        call = caller.stub.Enqueue.future(iter(messages), timeout=PATIENCE, wait_for_ready=True)
        time.sleep(caller.random.choice((0, 0.005, 0.03, 0.08)))
        call.cancel()

    def _until_answered(
        self, tag: str, messages: list[replay_pb2.EnqueueRequest], *, again: bool, slowly: bool
    ) -> None:
        """Enqueues; `again`: as often as it takes. It was not taken where it can't be."""
        caller = self._caller
        told = caller.until_answered(tag, partial(self._ask, messages, slowly), again=again)
        if told is None:
            return
        caller.batch_ids.append(told.batch_id)
        caller.say(
            "accepted",
            call=tag,
            batch=told.batch_id,
            count=told.accepted_count,
            replays=told.replay_count,
            refused=told.refused_count,
            duplicate=told.duplicate,
            after=sequence_of(told.cursor),
        )

    def _ask(
        self, messages: list[replay_pb2.EnqueueRequest], slowly: bool, patience: float
    ) -> replay_pb2.EnqueueResponse:
        said = _paced(messages) if slowly else iter(messages)
        return self._caller.stub.Enqueue(said, timeout=patience, wait_for_ready=True)


def _paced(messages: list[replay_pb2.EnqueueRequest]) -> Iterator[replay_pb2.EnqueueRequest]:
    for message in messages:
        yield message
        time.sleep(0.003)

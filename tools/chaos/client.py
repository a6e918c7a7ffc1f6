"""A client of the daemon: it calls on and on, and writes down what it was told.

    python -m tools.chaos.client ADDRESS BOOK NAME SEED TARGET_PORT

A process of its own, which may be killed in the middle of a call. What it does follows from
its seed. Its book has a line of JSON for each thing that it was told, written when it was
told and not before; `try` lines only say what is under way. It works while the last line of
its stdin is `work`, and says `resting` once it has taken `rest` to heart; then no call of it
is open. A broken Enqueue that has a request_id is repeated until it is answered.
"""

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from random import Random

import grpc
from flowreplay.v1 import event_pb2, replay_pb2, replay_pb2_grpc

from replayd.codec.cursor import decode_cursor
from tools.chaos import flows

OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    # As `flowreplay_client.channel` has it, and why.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
]

PATIENCE = 30.0
"""Seconds that a call may take; some get far less, so that they break."""

_MOST_QUEUED = 4000
"""When more waits, a client clears: a backlog without end proves nothing new."""

_REMEMBERED = 8
"""Batches of which something may be parked."""

_PIECE = 250
"""Flows of a message."""

_CHUNK = 16 << 10
"""Bytes of a capture of a message."""


class Gate:
    """Tells whether to work, by the lines of stdin; the process ends with them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._word = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            with self._changed:
                self._word = line.strip()
                self._changed.notify()
        os._exit(0)

    def pass_through(self) -> None:
        """Returns when there is work; says before that it rests, if it was told to."""
        with self._changed:
            if self._word == "rest":
                print("resting", flush=True)
            while self._word != "work":
                self._changed.wait()


class Client:
    """One client; every method is one thing that it may do."""

    def __init__(self, address: str, book: str, name: str, seed: str, port: int) -> None:
        self._book = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._name = name
        self._random = Random(f"{seed}:{name}")  # noqa: S311 - a seed repeats it
        self._port = port
        self._calls = 0
        self._batch_id = ""
        """The last that it was told of."""
        self._batch_ids: deque[str] = deque(maxlen=_REMEMBERED)
        """Those before it."""
        self._channel = grpc.insecure_channel(address, options=OPTIONS)
        self._stub = replay_pb2_grpc.ReplayServiceStub(self._channel)

    def act(self) -> None:
        """Does one thing."""
        things: list[tuple[int, Callable[[], None]]] = [
            (60, self.enqueue),
            (9, self.count),
            (4, self.clear),
            (3, self.pause),
            (4, self.resolve),
        ]
        weights, actions = zip(*things, strict=True)
        try:
            self._random.choices(actions, weights)[0]()
        except grpc.RpcError as error:
            self._say("broke", code=error.code().name)
        time.sleep(self._random.choice((0, 0.002, 0.02)))

    def enqueue(self) -> None:
        """Enqueues some flows in one of the ways that there are."""
        random = self._random
        self._calls += 1
        policy = random.choice(("", "", "", *flows.POLICIES))
        tag = f"{self._name}n{self._calls}{policy}"
        count = random.choice((1, 5, 50, 200, 500, 1000, 2000))
        how = random.choice(("typed", "typed", "capture", "stream", "dropped"))
        request_id = f"id-{tag}" if random.random() < 0.6 else ""
        options = replay_pb2.EnqueueOptions(
            label=tag,
            request_id=request_id,
            stream=how == "stream",
            on_interrupt=flows.POLICIES.get(policy, replay_pb2.ON_INTERRUPT_UNSPECIFIED),
        )
        messages = [replay_pb2.EnqueueRequest(options=options), *self._content(how, tag, count)]
        self._say("try", call=tag, count=count, how=how, id=request_id)
        if how == "dropped":
            self._drop(messages)
            if not request_id:
                return
        self._until_answered(tag, messages, again=bool(request_id), slowly=how == "stream")
        if request_id and random.random() < 0.1:
            self._until_answered(tag, messages, again=True, slowly=False)

    def count(self) -> None:
        """Counts everything."""
        told = self._stub.Count(replay_pb2.CountRequest(), timeout=PATIENCE, wait_for_ready=True)
        counts = [
            told.succeeded_count,
            told.failed_count,
            told.killed_count,
            told.cleared_count,
            told.interrupted_count,
        ]
        accepted = sum(counts) + told.queued_count + told.running_count
        self._say("count", after=_sequence(told.cursor), counts=[accepted, *counts])
        if told.queued_count > _MOST_QUEUED:
            self.clear()

    def clear(self) -> None:
        """Clears the queue, or the batch that was enqueued last."""
        batch_id = self._random.choice(("", "", self._batch_id))
        told = self._stub.Clear(
            replay_pb2.ClearRequest(batch_id=batch_id), timeout=PATIENCE, wait_for_ready=True
        )
        ranges = [(each.batch_id, each.first_index, each.last_index) for each in told.ranges]
        self._say("clear", count=told.cleared_count, ranges=ranges, by=_sequence(told.cursor))

    def resolve(self) -> None:
        """Drops all that is parked of a batch; most have nothing."""
        if not self._batch_ids:
            return
        batch_id = self._random.choice(self._batch_ids)
        drop = replay_pb2.ResolveRequest(batch_id=batch_id, resolution=event_pb2.RESOLUTION_DROP)
        told = self._stub.Resolve(drop, timeout=PATIENCE, wait_for_ready=True)
        ranges = [(each.batch_id, each.first_index, each.last_index) for each in told.ranges]
        self._say("resolve", count=told.resolved_count, ranges=ranges)

    def pause(self) -> None:
        """Pauses the queue, and sometimes lets somebody else resume it."""
        paused = self._stub.Pause(replay_pb2.PauseRequest(), timeout=PATIENCE, wait_for_ready=True)
        self._say("pause", changed=paused.changed, by=_sequence(paused.cursor))
        time.sleep(self._random.choice((0, 0.01, 0.05)))
        resumed = self._stub.Resume(
            replay_pb2.ResumeRequest(), timeout=PATIENCE, wait_for_ready=True
        )
        self._say("resume", changed=resumed.changed, by=_sequence(resumed.cursor))

    def _content(self, how: str, tag: str, count: int) -> Iterator[replay_pb2.EnqueueRequest]:
        if how == "capture":
            capture = flows.capture(self._random, tag, count, self._port)
            for at in range(0, len(capture), _CHUNK):
                yield replay_pb2.EnqueueRequest(capture_chunk=capture[at : at + _CHUNK])
            return
        typed = flows.typed(self._random, tag, count, self._port)
        for at in range(0, count, _PIECE):
            batch = replay_pb2.FlowBatch(flows=typed[at : at + _PIECE])
            yield replay_pb2.EnqueueRequest(flow_batch=batch)

    def _drop(self, messages: list[replay_pb2.EnqueueRequest]) -> None:
        """Calls, and gives the call up on the way."""
        call = self._stub.Enqueue.future(iter(messages), timeout=PATIENCE, wait_for_ready=True)
        time.sleep(self._random.choice((0, 0.005, 0.03, 0.08)))
        call.cancel()

    def _until_answered(
        self, tag: str, messages: list[replay_pb2.EnqueueRequest], *, again: bool, slowly: bool
    ) -> None:
        """Enqueues; `again`: as often as it takes. It was not taken where it can't be."""
        while True:
            patience = self._random.choice((0.02, PATIENCE, PATIENCE, PATIENCE, PATIENCE))
            try:
                told = self._stub.Enqueue(
                    self._paced(messages) if slowly else iter(messages),
                    timeout=patience,
                    wait_for_ready=True,
                )
            except grpc.RpcError as error:
                self._say("broke", call=tag, code=error.code().name, text=error.details())
                if not again or error.code() in (
                    grpc.StatusCode.FAILED_PRECONDITION,
                    grpc.StatusCode.INVALID_ARGUMENT,
                ):
                    return
                time.sleep(0.01)
                continue
            self._batch_id = told.batch_id
            self._batch_ids.append(told.batch_id)
            self._say(
                "accepted",
                call=tag,
                batch=told.batch_id,
                count=told.accepted_count,
                refused=told.refused_count,
                duplicate=told.duplicate,
                after=_sequence(told.cursor),
            )
            return

    def _paced(
        self, messages: list[replay_pb2.EnqueueRequest]
    ) -> Iterator[replay_pb2.EnqueueRequest]:
        for message in messages:
            yield message
            time.sleep(0.003)

    def _say(self, what: str, **said: object) -> None:
        """One line, whole, whatever kills us next."""
        os.write(self._book, json.dumps({"what": what, **said}).encode() + b"\n")


def _sequence(cursor: str) -> int:
    return decode_cursor(cursor).sequence


def main() -> None:
    """Works until it is killed, or its stdin ends."""
    address, book, name, seed, port = sys.argv[1:]
    client, gate = Client(address, book, name, seed, int(port)), Gate()
    while True:
        gate.pass_through()
        client.act()


if __name__ == "__main__":
    main()

"""What all that a client does has in common: its connection, its chance and its book.

The book has a line of JSON for each thing that the client was told, written when it was told
and not before; `try` lines only say what is under way. What a client does follows from its seed.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import NamedTuple, TypeVar

import grpc
from flowreplay.v1 import event_pb2, replay_pb2_grpc

from replayd.codec.cursor import decode_cursor

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

_REMEMBERED = 8
"""Batches that a client comes back to."""

_FOR_GOOD = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
)
"""What is no use to repeat."""

Told = TypeVar("Told")


class Habits(NamedTuple):
    """What clients do, as far as the seed does not say it."""

    flows: int = 2000
    """Of a call, at most."""
    often: str = ""
    """What they do as often as they enqueue, by the name of its method; empty: nothing."""


USUAL = Habits()


class Caller:
    """A client's own."""

    def __init__(
        self, address: str, book: str, name: str, seed: str, port: int, *, habits: Habits
    ) -> None:
        self._book = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._name = name
        self._calls = 0
        self.random = Random(f"{seed}:{name}")  # noqa: S311 - a seed repeats it
        self.port = port
        """The target's."""
        self.habits = habits
        self.batch_ids: deque[str] = deque(maxlen=_REMEMBERED)
        """The batches that it was told of last."""
        channel = grpc.insecure_channel(address, options=OPTIONS)
        self.stub = replay_pb2_grpc.ReplayServiceStub(channel)

    def new_call(self) -> str:
        """Names a call."""
        self._calls += 1
        return f"{self._name}n{self._calls}"

    def some_batch(self) -> str:
        """Returns one that it was told of; empty: of none yet."""
        return self.random.choice(self.batch_ids) if self.batch_ids else ""

    def late_batch(self) -> str:
        """Returns one of the last, of which something may be left; empty: of none yet."""
        return self.random.choice([*self.batch_ids][-2:]) if self.batch_ids else ""

    def until_answered(
        self, call: str, ask: Callable[[float], Told], *, again: bool
    ) -> Told | None:
        """Calls; `again`: as often as it takes. None: it was not answered."""
        while True:
            try:
                return ask(self.random.choice((0.02, PATIENCE, PATIENCE, PATIENCE, PATIENCE)))
            except grpc.RpcError as error:
                self.say("broke", call=call, code=error.code().name, text=error.details())
                if not again or error.code() in _FOR_GOOD:
                    return None
                time.sleep(0.01)

    def say(self, what: str, **said: object) -> None:
        """One line, whole, whatever kills us next."""
        os.write(self._book, json.dumps({"what": what, **said}).encode() + b"\n")


def sequence_of(cursor: str) -> int:
    """Returns the event that a cursor stands behind."""
    return decode_cursor(cursor).sequence


def flat(each: event_pb2.ReplayRange) -> tuple[str, int, int, int]:
    """Returns a range as it stands in a book."""
    return each.batch_id, each.repeat, each.first_index, each.last_index

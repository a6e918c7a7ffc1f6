"""A client of the daemon: it calls on and on, and writes down what it was told.

    python -m tools.chaos.client ADDRESS BOOK NAME SEED TARGET_PORT FLOWS OFTEN

A process of its own, which may be killed in the middle of a call. It works while the last line
of its stdin is `work`, and says `resting` once it has taken `rest` to heart; then no call of it
is open. A broken Enqueue, or Retry, that has a request_id is repeated until it is answered.
FLOWS and OFTEN are its `Habits`.
"""

import os
import sys
import threading
import time
from collections.abc import Callable

import grpc

from tools.chaos.caller import Caller, Habits
from tools.chaos.control import Control
from tools.chaos.enqueuing import Enqueuing
from tools.chaos.once_more import OnceMore
from tools.chaos.steering import Steering

_ENQUEUES = 45
"""Of about a hundred things that a client does."""


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
    """One client, and all that it may do."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        control = Control(caller)
        once_more = OnceMore(caller)
        steering = Steering(caller)
        things: list[tuple[int, Callable[[], None]]] = [
            (_ENQUEUES, Enqueuing(caller).enqueue),
            (8, control.count),
            (2, control.clear),
            (3, control.pause),
            (10, control.cancel),
            (10, once_more.resolve),
            (10, once_more.retry),
            (8, steering.hold),
            (10, steering.move),
        ]
        self._actions = [act for _, act in things]
        often = caller.habits.often
        self._weights = [_ENQUEUES if act.__name__ == often else each for each, act in things]

    def act(self) -> None:
        """Does one thing."""
        random = self._caller.random
        try:
            random.choices(self._actions, self._weights)[0]()
        except grpc.RpcError as error:
            self._caller.say("broke", code=error.code().name)
        time.sleep(random.choice((0, 0.002, 0.02)))


def main() -> None:
    """Works until it is killed, or its stdin ends."""
    address, book, name, seed, port, flows, often = sys.argv[1:]
    habits = Habits(int(flows), often)
    client, gate = Client(Caller(address, book, name, seed, int(port), habits=habits)), Gate()
    while True:
        gate.pass_through()
        client.act()


if __name__ == "__main__":
    main()

"""Rounds of a daemon's life and death, one after the other."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from flowreplay.v1 import replay_pb2

from tools.chaos.audit import audit, last_audit
from tools.chaos.caller import USUAL, Habits
from tools.chaos.daemon import DeadError
from tools.chaos.failpoints import DEADLY_STARTS, RETENTION
from tools.chaos.figures import Figures
from tools.chaos.plan import FAULTS, Round, at_each_failpoint, plan
from tools.chaos.world import World

_MOST_LIFE = 5.0
_REACH_SECONDS = 10.0
"""How long a failpoint may take to be reached; then the daemon is killed as it is."""

_CALL_SECONDS = 1.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Options:
    """How to run."""

    seed: int
    rounds: int
    faults: Sequence[str] = FAULTS
    each_failpoint: bool = False
    """Each round ends at the next failpoint, instead of by the faults."""
    audit_every: int = 5
    """Rounds from one comparison of the books to the next."""
    clients: int = 2
    habits: Habits = USUAL
    watchers: int = 3
    bug: str = ""
    """What is broken in the daemon on purpose (`bugs`)."""
    rest_seconds: float = 120.0
    """How long a queue may stand still before it has come to rest."""


def run(folder: Path, options: Options) -> tuple[Figures, list[str]]:
    """Runs all rounds in a folder, or up to the first comparison that finds something.
    Returns the figures, and what was found in words.
    """
    began = time.monotonic()
    with World(folder, options.seed, options.bug, options.habits) as world:
        try:
            _Rounds(world, options).run()
        except DeadError as error:
            world.findings.add("daemon", str(error))
        except grpc.RpcError as error:
            world.findings.add("daemon", f"a call ended with {error.code()}: {error.details()}")
        world.close()
        return world.add_up(time.monotonic() - began), world.findings.words


class _Rounds:
    """One round after the other."""

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self._options = options

    def run(self) -> None:
        """Runs them. Raises DeadError, grpc.RpcError: the daemon is not what it should be."""
        world, options = self._world, self._options
        world.crew.start(options.clients, options.watchers, hook=True)
        world.crew.work()
        for number in range(options.rounds):
            self._round(number)
            world.figures.rounds += 1
            if world.findings.counts:
                return
        last_audit(world, self._plan(options.rounds), options.rest_seconds)

    def _plan(self, number: int) -> Round:
        options = self._options
        if options.each_failpoint:
            return at_each_failpoint(options.seed, number)
        return plan(options.seed, number, options.faults)

    def _round(self, number: int) -> None:
        world, current = self._world, self._plan(number)
        if current.failpoint in DEADLY_STARTS:
            self._die_at_start(current)
            return
        removes = current.failpoint in RETENTION
        failpoint = f"{current.failpoint}:{current.passing}" if current.failpoint else ""
        world.start(current.concurrency, failpoint="" if removes else failpoint)
        if removes or number % self._options.audit_every == self._options.audit_every - 1:
            audit(world, current, self._options.rest_seconds)
            if world.findings.counts:
                return
            world.crew.work()
        self._live(current)
        self._end(current)

    def _die_at_start(self, current: Round) -> None:
        with suppress(DeadError):
            self._world.start(
                current.concurrency, failpoint=f"{current.failpoint}:{current.passing}"
            )
        self._wait_for_death(current.failpoint)

    def _live(self, current: Round) -> None:
        """Lets the daemon work, and disturbs it."""
        world = self._world
        world.crew.wait_until_told(current.acknowledged, _MOST_LIFE)
        time.sleep(current.life / 2)
        for what in current.on_the_way:
            if what == "client":
                world.kill_client(current.choice)
            elif what == "hook":
                world.kill_hook()
            else:
                world.disturb(what)
        if "stop" in current.on_the_way:
            time.sleep(current.choice % 200 / 1000)
            world.disturb("go on")
        time.sleep(current.life / 2)

    def _end(self, current: Round) -> None:
        world = self._world
        if current.end == "term":
            world.terminate()
        elif current.failpoint and current.failpoint not in RETENTION:
            world.daemon.signal(signal.SIGUSR1)
            self._wait_for_death(current.failpoint)
        else:
            world.kill()

    def _wait_for_death(self, failpoint: str) -> None:
        """Has the daemon reach its failpoint; after a while it is killed where it is."""
        world = self._world
        until = time.monotonic() + _REACH_SECONDS
        provoke = self._provocations().get(failpoint.partition(":")[0], lambda: None)
        while not world.daemon.wait_for_death(_LOOK_SECONDS):
            if time.monotonic() > until:
                world.kill()
                return
            # Who is killed in a call says no more.
            with suppress(grpc.RpcError):
                provoke()
        world.note_failpoint(failpoint)

    def _provocations(self) -> dict[str, Callable[[], object]]:
        """What clients call too seldom to wait for it, by operation."""
        stub = self._world.daemon.stub

        def pause_and_resume() -> None:
            stub.Pause(replay_pb2.PauseRequest(), timeout=_CALL_SECONDS)
            stub.Resume(replay_pb2.ResumeRequest(), timeout=_CALL_SECONDS)

        resume = partial(stub.Resume, replay_pb2.ResumeRequest(), timeout=_CALL_SECONDS)
        return {
            "clear": partial(stub.Clear, replay_pb2.ClearRequest(), timeout=_CALL_SECONDS),
            "pause": pause_and_resume,
            **dict.fromkeys(("begin", "finish", "send", "outcome"), resume),
        }

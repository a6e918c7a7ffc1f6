"""`make diskfull`: the daemon's disk fills under load and is freed again, many times.

Clients go on calling all the time. While the disk is full, Enqueue may be refused, but Count
and Clear are answered, and the daemon lives. Once there is room, flows have to be accepted again
within seconds, with the same daemon. Every few cycles the queue comes to rest, and three books
are compared: what clients were told and watchers shown, what reached the target, what the log
says. Exits with 1 when something is found.
"""

import argparse
import secrets
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import grpc
from flowreplay.v1 import replay_pb2

from tools.chaos.audit import audit
from tools.chaos.books import Stub
from tools.chaos.daemon import DeadError
from tools.chaos.figures import Figures
from tools.chaos.plan import Round, plan
from tools.chaos.world import World
from tools.disks.powercut import described, kept_books, scratch
from tools.disks.tmpfs import Tmpfs

_CLIENTS, _WATCHERS = 1, 2
_LEFT = (0, 0, 64 << 10, 1 << 20, 6 << 20)
"""Bytes that a full disk has left: below the floor, there is room; at 0 not even a commit's."""

_REST_SECONDS = 120.0
_AGAIN_SECONDS = 60.0
"""How long the daemon may take on a busy machine to go on once there is room."""

_FULL_SECONDS = 5.0
_CALL_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@dataclass
class FullFigures(Figures):
    """What a run came to."""

    cycles: int = 0
    ballasts: int = 0
    """How often the daemon had to give up its ballast."""
    out_of_room: int = 0
    """Clears that were refused: even the ballast's room was used up."""
    slowest_return: float = 0.0
    """Seconds from room to the first accepted flow."""


class FullDisks:
    """One daemon on a disk that fills and is freed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._stack = ExitStack()
        self._seed = seed
        self._random = Random(f"full:{seed}")  # noqa: S311 - a seed repeats it
        try:
            self._disk = self._stack.enter_context(Tmpfs(folder / "data"))
            self._world = self._stack.enter_context(World(folder, seed))
        except BaseException:
            self._stack.close()
            raise
        self._ballast = folder / "data" / "ballast"
        self._figures = FullFigures(seeds=[seed])
        self._world.figures = self._figures

    def run(self, cycles: int, audit_every: int) -> tuple[FullFigures, list[str]]:
        """Fills and frees so often, or until something is found."""
        began = time.monotonic()
        world = self._world
        with self._stack:
            world.crew.start(_CLIENTS, _WATCHERS)
            try:
                world.start(8, options=("--disk-floor", "2m"))
                for number in range(cycles):
                    world.crew.work()
                    self._cycle(plan(self._seed, number, ("kill",)))
                    if number % audit_every == audit_every - 1 or number == cycles - 1:
                        self._audit(number)
                    if world.findings.counts:
                        break
                world.terminate()
            except DeadError as error:
                world.findings.add("daemon", str(error))
            except grpc.RpcError as error:
                world.findings.add("daemon", f"a call ended with {error.code()}: {error.details()}")
            world.add_up(time.monotonic() - began)
            return self._figures, world.findings.words

    def _cycle(self, current: Round) -> None:
        world = self._world
        world.crew.wait_until_told(1, 1.0)
        left = self._random.choice(_LEFT)
        self._disk.leave(left)
        time.sleep(current.life)
        if not left:
            self._wait_until_full()
        self._figures.ballasts += not self._ballast.exists()
        self._clear()
        world.daemon.stub.Count(replay_pb2.CountRequest(), timeout=_CALL_SECONDS)
        if not world.daemon.lives:
            raise DeadError("it did not survive a full disk")
        self._disk.free()
        self._wait_for_more()
        self._figures.cycles += 1

    def _wait_until_full(self) -> None:
        """Returns when the ballast has gone, or it seems that nobody needs it."""
        until = time.monotonic() + _FULL_SECONDS
        while self._ballast.exists() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)

    def _clear(self) -> None:
        try:
            self._world.daemon.stub.Clear(replay_pb2.ClearRequest(), timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            self._figures.out_of_room += 1

    def _wait_for_more(self) -> None:
        """Returns once a flow was accepted."""
        began = time.monotonic()
        stub = self._world.daemon.stub
        before = _accepted(stub)
        while _accepted(stub) == before:
            if time.monotonic() > began + _AGAIN_SECONDS:
                said = f"nothing was accepted for {_AGAIN_SECONDS:g} s though there is room"
                self._world.findings.add("daemon", said)
                return
            time.sleep(_LOOK_SECONDS)
        took = time.monotonic() - began
        self._figures.slowest_return = max(self._figures.slowest_return, took)

    def _audit(self, number: int) -> None:
        """Compares; the daemon is not killed on the way."""
        rest = self._random.choice(("drain", "clear"))
        audit(self._world, plan(self._seed, number, ("kill",))._replace(rest=rest), _REST_SECONDS)


def _accepted(stub: Stub) -> int:
    """How many flows were accepted so far."""
    told = stub.Count(replay_pb2.CountRequest(), timeout=_CALL_SECONDS)
    return (
        told.queued_count
        + told.running_count
        + told.succeeded_count
        + told.failed_count
        + told.killed_count
        + told.cleared_count
        + told.interrupted_count
    )


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="diskfull", description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, help="the same one makes the same plan; else drawn")
    parser.add_argument("--audit-every", type=int, default=10, help="cycles between comparisons")
    read = parser.parse_args(given)
    seed = secrets.randbelow(1 << 31) if read.seed is None else read.seed
    print(f"seed {seed}", flush=True)
    folder = scratch()
    try:
        figures, words = FullDisks(folder, seed).run(read.cycles, read.audit_every)
        if words:
            words.append(f"books: {kept_books(folder)}")
    finally:
        shutil.rmtree(folder)
    figures.date, figures.commit = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), described()
    figures.options = f"--seed {seed} --cycles {read.cycles} --audit-every {read.audit_every}"
    print(figures.table(), *words, sep="\n")
    return int(bool(words))


if __name__ == "__main__":
    sys.exit(main())

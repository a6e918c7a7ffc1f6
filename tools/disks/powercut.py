"""`make powercut`: cuts the power of the daemon's disk under load, again and again.

At a random moment all that was not flushed is gone (`loops`). The daemon dies with its disk,
or is left to notice: then it has to end with 74. The disk is repaired, the daemon starts on
what is there, and three books are compared: what clients were told and watchers shown, what
reached the target, what the log says.

With `--control` the daemon is told not to wait for the disk, or its syncs never reach the
kernel: then the books must not balance. Exits with 1 when they should and do not, or should not
and do.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random

import grpc

from tests.support.strace import SYNCS, injecting
from tools.chaos.audit import audit, last_audit
from tools.chaos.daemon import DeadError
from tools.chaos.figures import Figures
from tools.chaos.plan import Round, plan
from tools.chaos.world import World
from tools.disks.boots import Boots
from tools.disks.loops import LoopDisk

CONTROLS = ("normal", "unsynced")
"""`--synchronous normal`, and a daemon whose syncs succeed and do nothing."""

CUTS_OF_A_DISK = 20
"""So many cuts fit on one disk, with all that is logged meanwhile."""

_CLIENTS, _WATCHERS = 1, 2
_MOST_TOLD = 300
_MOST_LIFE = 3.0
_REST_SECONDS = 120.0


@dataclass
class CutFigures(Figures):
    """What a run came to."""

    cuts: int = 0
    gave_up: int = 0
    """Of them: the daemon was left to notice, and ended with 74."""


class PowerCuts:
    """One disk, and the cuts on it."""

    def __init__(self, folder: Path, seed: int, control: str = "") -> None:
        self._stack = ExitStack()
        self._seed = seed
        self._control = control
        self._random = Random(f"cuts:{seed}")  # noqa: S311 - a seed repeats it
        try:
            self._boots = self._stack.enter_context(Boots(folder))
            self._disk = self._stack.enter_context(LoopDisk(folder, folder / "data"))
            self._world = self._stack.enter_context(World(folder, seed))
        except BaseException:
            self._stack.close()
            raise
        self._figures = CutFigures(seeds=[seed])
        self._world.figures = self._figures

    def run(self, cuts: int) -> tuple[CutFigures, list[str]]:
        """Cuts so many times, or until something is found; returns what it came to."""
        began = time.monotonic()
        world = self._world
        with self._stack:
            world.crew.start(_CLIENTS, _WATCHERS)
            try:
                for number in range(cuts):
                    self._one(plan(self._seed, number, ("kill",)))
                    if world.findings.counts:
                        break
                else:
                    world.crew.work()
                    last_audit(world, plan(self._seed, cuts, ("kill",)), _REST_SECONDS)
            except DeadError as error:
                world.findings.add("daemon", str(error))
            except grpc.RpcError as error:
                world.findings.add("daemon", f"a call ended with {error.code()}")
            world.add_up(time.monotonic() - began)
            return self._figures, world.findings.words

    def _one(self, current: Round) -> None:
        """A life of the daemon, a cut, and the comparing of what it left."""
        world = self._world
        self._start(current)
        unsynced = self._control == "unsynced"
        with injecting(world.daemon.pid, SYNCS, "retval=0") if unsynced else nullcontext():
            world.crew.work()
            world.crew.wait_until_told(min(current.acknowledged, _MOST_TOLD), _MOST_LIFE)
            time.sleep(current.life)
            self._disk.cut(self._random)
            if unsynced or self._random.random() < 0.5:
                world.kill()
            else:
                world.daemon.wait_for_end(os.EX_IOERR)
                self._figures.gave_up += 1
        self._disk.repair()
        if not self._control:
            # With it the daemon would know that NORMAL commits may be gone, and say so.
            self._boots.again()
        self._figures.cuts += 1
        self._start(current)
        audit(world, current, _REST_SECONDS)
        world.kill()

    def _start(self, current: Round) -> None:
        options = ("--synchronous", "normal") if self._control == "normal" else ()
        self._world.start(current.concurrency, options=options)


def scratch() -> Path:
    """Makes a folder for a disk's image: in memory where there is such a place. Not deep down:
    a Unix socket's path has at most 107 bytes.
    """
    memory = Path("/dev/shm")  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="cuts-", dir=memory if memory.is_dir() else None))


def kept_books(folder: Path) -> Path:
    """Keeps the books and the daemon's log of a run that found something; returns where."""
    kept = Path(tempfile.mkdtemp(prefix="books-"))
    left_out = shutil.ignore_patterns("outer*", "data", "*.sock*")
    return shutil.copytree(folder, kept, ignore=left_out, dirs_exist_ok=True)


def described() -> str:
    """Names the commit that runs."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def run(seed: int, cuts: int, control: str = "") -> tuple[CutFigures, list[str]]:
    """Cuts so many times, on as many disks as that takes, one after the other."""
    whole, words = CutFigures(), list[str]()
    for first in range(0, cuts, CUTS_OF_A_DISK):
        folder = scratch()
        try:
            cut = PowerCuts(folder, seed + first, control)
            figures, words = cut.run(min(CUTS_OF_A_DISK, cuts - first))
            if words and not control:
                words.append(f"books: {kept_books(folder)}")
        finally:
            shutil.rmtree(folder)
        whole.add(figures)
        if words:
            break
    whole.date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    whole.commit = described()
    return whole, words


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, help="the same one makes the same plan; else drawn")
    parser.add_argument("--control", choices=CONTROLS, default="", help="what must be caught")
    parser.add_argument("--results", type=Path, help="a file to add the figures to, as JSON")
    read = parser.parse_args(given)
    seed = secrets.randbelow(1 << 31) if read.seed is None else read.seed
    print(f"seed {seed}", flush=True)
    figures, words = run(seed, read.cuts, read.control)
    figures.options = f"--seed {seed} --cuts {read.cuts}"
    if read.control:
        figures.options += f" --control {read.control}"
    if read.results:
        with read.results.open("a") as results:
            results.write(figures.as_json() + "\n")
    print(figures.table(), *words, sep="\n")
    if read.control:
        print("caught" if words else "NOT CAUGHT: the harness does not see what is lost")
        return int(not words)
    return int(bool(words))


if __name__ == "__main__":
    sys.exit(main())

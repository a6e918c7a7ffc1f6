"""Rounds of a daemon's life and death, and between them the comparing of the books."""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from flowreplay.v1 import replay_pb2

from tools.chaos.arrivals import Start, TargetStart, mark_of
from tools.chaos.books import Books
from tools.chaos.crew import Crew
from tools.chaos.daemon import Daemon
from tools.chaos.figures import Figures
from tools.chaos.log import STATES
from tools.chaos.plan import FAULTS, Round, plan
from tools.chaos.target import Target

REST_SECONDS = 120.0
"""How long a queue may take to come to rest."""

_CALL_SECONDS = 60.0
_MOST_LIFE = 5.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Options:
    """How to run."""

    seed: int
    rounds: int
    faults: Sequence[str] = FAULTS
    audit_every: int = 5
    """Rounds from one comparison of the books to the next."""
    clients: int = 2
    watchers: int = 3


class Chaos:
    """A target, a daemon, clients and watchers, and the books on all of them."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._options = options
        self._target = Target(folder / "arrivals")
        self.books = Books(folder / "arrivals")
        self.figures = Figures(seeds=[options.seed])
        self._daemon = Daemon(folder, self.books.findings)
        self._crew = Crew(folder, self._daemon.address, self.books, options.seed, self._target.port)

    def run(self) -> Figures:
        """Runs all rounds, or up to the first comparison that finds something."""
        began = time.monotonic()
        self._crew.start(self._options.clients, self._options.watchers)
        self._crew.work()
        for number in range(self._options.rounds):
            current = plan(self._options.seed, number, self._options.faults)
            self._start(current.concurrency)
            if number and number % self._options.audit_every == 0:
                self._audit(current)
                if self.books.findings.counts:
                    break
                self._crew.work()
            self._live(current)
            self._end(current)
            self.figures.rounds += 1
        if not self.books.findings.counts:
            self._last_audit()
        self._add_up(time.monotonic() - began)
        return self.figures

    # A life

    def _start(self, concurrency: int, *, paused: bool = False, **environment: str) -> None:
        self._target.mark(mark_of(Start(concurrency, paused)))
        self._daemon.start(concurrency, **environment)
        self.figures.recoveries.append(self._daemon.recovery)

    def _live(self, current: Round) -> None:
        """Lets the daemon work, and disturbs it."""
        self._crew.wait_until_told(current.acknowledged, _MOST_LIFE)
        time.sleep(current.life / 2)
        for what in current.on_the_way:
            if what == "client":
                self._crew.kill_client(current.choice)
                self.figures.client_kills += 1
            elif what == "target":
                self._target.kill()
                self._target.start()
                self._target.mark(mark_of(TargetStart()))
                self.figures.target_kills += 1
            else:
                self._daemon.signal(signal.SIGSTOP)
                time.sleep(current.choice % 200 / 1000)
                self._daemon.signal(signal.SIGCONT)
                self.figures.stops += 1
        time.sleep(current.life / 2)

    def _end(self, current: Round) -> None:
        if current.end == "term":
            self._daemon.terminate()
            self.figures.terminations += 1
        else:
            self._daemon.kill()
            self.figures.kills += 1

    # The comparing

    def _audit(self, current: Round) -> None:
        """Brings everything to rest and compares the books."""
        self._crew.rest()
        stub = self._daemon.stub
        if current.rest == "pause":
            stub.Pause(replay_pb2.PauseRequest(), timeout=_CALL_SECONDS)
        else:
            stub.Resume(replay_pb2.ResumeRequest(), timeout=_CALL_SECONDS)
        if current.rest == "clear":
            stub.Clear(replay_pb2.ClearRequest(), timeout=_CALL_SECONDS)
        if self._comes_to_rest():
            self.books.compare(stub)
            self.figures.audits += 1
        if current.rest == "pause":
            self._die_paused(current)

    def _comes_to_rest(self) -> bool:
        """Waits until nothing runs, nor waits unless the queue is paused."""
        until = time.monotonic() + REST_SECONDS
        while time.monotonic() < until:
            told = self._daemon.stub.Count(replay_pb2.CountRequest(), timeout=_CALL_SECONDS)
            waits = told.queued_count and not told.paused
            if not (waits or told.running_count or told.open_batch_count):
                return True
            time.sleep(_LOOK_SECONDS)
        self.books.findings.add("outcomes", f"the queue does not come to rest: {told}")
        return False

    def _die_paused(self, current: Round) -> None:
        """A pause outlives the daemon: nothing may arrive, and nothing be gone."""
        self._daemon.kill()
        self.figures.kills += 1
        self._start(current.concurrency, paused=True)
        self.books.compare(self._daemon.stub)
        self._target.mark(mark_of(Start(current.concurrency, paused=False)))
        self._daemon.stub.Resume(replay_pb2.ResumeRequest(), timeout=_CALL_SECONDS)

    def _last_audit(self) -> None:
        """At the end everything runs to its end, and the log is read once more."""
        self._start(1)
        self._audit(plan(self._options.seed, -1, ())._replace(rest="drain"))
        self.books.compare_again(self._daemon.stub)
        self._daemon.terminate()

    def _add_up(self, seconds: float) -> None:
        figures, books = self.figures, self.books
        figures.seconds = seconds
        figures.calls, figures.acknowledged = books.told.calls, books.told.acknowledged
        figures.duplicates, figures.broken_calls = books.told.duplicates, books.told.broken
        for state, count in zip(STATES, books.log.vector, strict=True):
            setattr(figures, state, count)
        figures.events, figures.shown = books.log.latest, books.shown
        figures.arrivals, figures.repeats = books.arrivals.count, books.arrivals.repeats
        figures.requeued = sum(books.log.crashes)
        figures.most_requeued = max(books.log.crashes, default=0)
        figures.findings = books.findings.counts

    def close(self) -> None:
        """Ends all processes."""
        self._crew.close()
        self._daemon.close()
        self._target.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

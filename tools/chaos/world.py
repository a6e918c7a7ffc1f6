"""Everything that takes part: target, daemon, clients, watchers, and the books on them."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.chaos.books import Books
from tools.chaos.caller import USUAL, Habits
from tools.chaos.crew import Crew
from tools.chaos.daemon import Daemon
from tools.chaos.figures import Figures
from tools.chaos.marks import Start, TargetStart
from tools.chaos.replays import STATES
from tools.chaos.target import Target


class World:
    """The processes, and what is counted of what happens to them."""

    def __init__(self, folder: Path, seed: int, bug: str = "", habits: Habits = USUAL) -> None:
        """`bug`: what is broken in the daemon on purpose (`bugs`)."""
        self.target = Target(folder / "arrivals")
        self.books = Books(folder / "arrivals")
        self.findings = self.books.findings
        self.figures = Figures(seeds=[seed])
        self.daemon = Daemon(folder, self.findings)
        self.crew = Crew(
            folder, self.daemon.address, self.books, seed, self.target.port, habits=habits
        )
        self._bug = {"CHAOS_BUG": bug} if bug else {}

    def start(
        self,
        concurrency: int,
        *,
        paused: bool = False,
        failpoint: str = "",
        options: Sequence[str] = (),
    ) -> None:
        """Starts the daemon. `paused`: nobody is to resume it. Raises DeadError."""
        self.target.mark(Start(concurrency, paused))
        self.books.log.hooked.started(time.time())
        given = {"CHAOS_FAILPOINT": failpoint} if failpoint else {}
        self.daemon.start(concurrency, options, self._bug | given)
        if not given:
            self.figures.recoveries.append(self.daemon.recovery)

    def kill(self) -> None:
        """Kills the daemon, if it has not done so itself."""
        self.daemon.kill()
        self.figures.kills += 1

    def note_failpoint(self, name: str) -> None:
        """The daemon has killed itself there."""
        self.figures.kills += 1
        self.figures.failpoints[name] += 1

    def terminate(self) -> None:
        """Has the daemon drain and end."""
        self.daemon.terminate()
        self.figures.terminations += 1

    def disturb(self, what: str) -> None:
        """Does something to a process: see `plan.FAULTS`."""
        if what == "target":
            self.target.kill()
            self.target.start()
            self.target.mark(TargetStart())
            self.figures.target_kills += 1
        else:
            self.daemon.signal(signal.SIGSTOP if what == "stop" else signal.SIGCONT)
            self.figures.stops += what == "stop"

    def kill_client(self, number: int) -> None:
        """Kills a client; another takes its place."""
        self.crew.kill_client(number)
        self.figures.client_kills += 1

    def kill_hook(self) -> None:
        """Kills the hook, whatever it is asked; another takes its place."""
        self.crew.kill_hook()
        self.figures.hook_kills += 1

    def add_up(self, seconds: float) -> Figures:
        """Returns what it all came to."""
        figures, books = self.figures, self.books
        figures.seconds = seconds
        figures.calls, figures.acknowledged = books.told.calls, books.told.acknowledged
        figures.duplicates, figures.broken_calls = books.told.duplicates, books.told.broken
        for state, count in zip(STATES, books.log.vector, strict=True):
            setattr(figures, state, count)
        figures.events, figures.shown = books.log.latest, books.shown
        figures.arrivals, figures.repeats = books.arrivals.count, books.arrivals.repeats
        figures.copies, figures.runs = books.log.copies, books.log.runs
        figures.decided = books.told.decided
        figures.steps = books.told.steps
        figures.cancelled = books.told.cancelled
        figures.requeued = sum(books.log.crashes)
        figures.most_requeued = max(books.log.crashes, default=0)
        figures.findings = self.findings.counts
        return figures

    def close(self) -> None:
        """Ends all processes."""
        self.crew.close()
        self.daemon.close()
        self.target.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

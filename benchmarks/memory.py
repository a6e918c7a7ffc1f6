"""What a command costs: seconds, and the peak memory of the processes that serve it.

Reads /proc, so that what is measured is the real processes, unchanged. A peak is the
kernel's own high-water mark of resident memory (VmHWM, proc(5)), so that none is missed
between two looks; the daemon's is set back at the start.
"""

import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Daemon

_LOOK_SECONDS = 0.05
"""Between two looks: what a process may grow unseen right before it ends."""

_PEAK, _NOW = "VmHWM", "VmRSS"
_RESET_PEAK = "5"
"""What proc(5) says to write to clear_refs."""


@dataclass(slots=True)
class Cost:
    """What a command cost; memory and disk in bytes."""

    seconds: float = 0.0
    peaks: Counter[str] = field(default_factory=Counter)
    """Of the `daemon`, the `worker` that took most, and the `client`."""
    seen: list[int] = field(default_factory=list)
    """The daemon's memory at each look."""
    log: int = 0
    """The most that SQLite's write-ahead log took."""
    disk: int = 0
    """The data dir at the end."""

    def course(self, points: int) -> list[int]:
        """Returns the daemon's memory at so many moments, evenly over the time."""
        last = len(self.seen) - 1
        return [self.seen[round(last * point / (points - 1))] for point in range(points)]


def run(daemon: Daemon, command: Sequence[str]) -> Cost:
    """Runs a client's command to its end and follows all processes.

    Raises SystemExit with what the client said when it fails.
    """
    Path(f"/proc/{daemon.pid}/clear_refs").write_text(_RESET_PEAK)
    cost, start = Cost(), time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as told,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told) as client,
    ):
        while client.poll() is None:
            _look(cost, "client", client.pid)
            _look_at_daemon(cost, daemon)
            time.sleep(_LOOK_SECONDS)
        cost.seconds = time.perf_counter() - start
        if client.returncode:
            told.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {client.returncode}: {told.read()}")
    cost.disk = sum(path.stat().st_size for path in daemon.data.rglob("*") if path.is_file())
    return cost


def _look_at_daemon(cost: Cost, daemon: Daemon) -> None:
    _look(cost, "daemon", daemon.pid)
    cost.seen.append(_memory(daemon.pid)[_NOW])
    for child in _children(daemon.pid):
        _look(cost, "worker", child)
    log = daemon.data / "journal.db-wal"
    cost.log = max(cost.log, log.stat().st_size if log.exists() else 0)


def _look(cost: Cost, name: str, pid: int) -> None:
    cost.peaks[name] = max(cost.peaks[name], _memory(pid)[_PEAK])


def resident(pid: int) -> int:
    """Returns the bytes that a process has in memory now."""
    return _memory(pid)[_NOW]


def peak(pid: int) -> int:
    """Returns the most that a process has had in memory, in bytes."""
    return _memory(pid)[_PEAK]


def mapped(pid: int) -> dict[str, int]:
    """Returns the bytes that a process has in memory by what they are, most first."""
    found: Counter[str] = Counter()
    part = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            part = _part(words[5] if len(words) > 5 else "")
        elif words[0] == "Rss:":
            found[part] += int(words[1]) << 10
    return dict(found.most_common())


def _part(name: str) -> str:
    """Says what a mapping is, as proc(5) names it."""
    if not name or name.startswith("["):
        return "allocated"
    file = Path(name).name
    return "the journal's files" if file.startswith("journal.db") else "programs and libraries"


def _memory(pid: int) -> Counter[str]:
    """Returns a process's memory in bytes by the kernel's names; none once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return Counter()
    found = [line.split() for line in lines if line.startswith((_PEAK, _NOW))]
    return Counter({name.rstrip(":"): int(kibibytes) << 10 for name, kibibytes, _unit in found})


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            yield from map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has just ended

"""The machine that is measured on: its cores, what describes it, what its disk takes.

Clients run on its first core and servers on its last, unless a workload puts both on the
last one; figures without pinning mean little, for the scheduler moves a client and its
server together or apart as it likes, which is worth a factor of three.
"""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CORES = frozenset(os.sched_getaffinity(0))
"""Those that this process was given, whatever it gives to others meanwhile."""

_FDATASYNCS = 50

_CPU_CLOCK = 2
"""Linux's CPUCLOCK_SCHED (posix-timers.h), which a process's clock is made of with its id."""


def client_cores(*, same: bool = False) -> set[int]:
    """The core that clients run on; `same`: the servers' one."""
    return server_cores() if same else {min(CORES)}


def server_cores() -> set[int]:
    """The core that servers run on, and watchers of a client on the other one."""
    return {max(CORES)}


@contextmanager
def on(cores: set[int] | None) -> Iterator[None]:
    """Lets processes that are started inside run on these cores only; None: on any."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """The CPU time that a running process has taken: as clock_getcpuclockid(3) has it, to
    the nanosecond, where /proc counts ticks of 10 ms.
    """
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def ended_cpu_seconds() -> float:
    """The CPU time of all children of this process that have ended."""
    times = os.times()
    return times.children_user + times.children_system


class OtherLoad:
    """What others take of the machine's CPU from the making of this on: all that is busy or
    stolen (proc(5)), but for this process and its children that have ended.
    """

    def __init__(self) -> None:
        self._start, self._before = time.monotonic(), self._others()

    def cores(self) -> float:
        """Returns how many cores others have kept busy so far, on average."""
        return (self._others() - self._before) / (time.monotonic() - self._start)

    @staticmethod
    def _others() -> float:
        return busy_seconds(Path("/proc/stat").read_text()) - sum(os.times()[:4])


def busy_seconds(stat: str) -> float:
    """Returns how long all cores were busy, or stolen from a virtual machine: /proc/stat."""
    user, nice, system, _idle, _waiting, *interrupts_and_steal = map(int, stat.split()[1:9])
    return (user + nice + system + sum(interrupts_and_steal)) / os.sysconf("SC_CLK_TCK")


def fdatasync_seconds() -> float:
    """The median time of one fdatasync here: what a durable commit costs at least."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_FDATASYNCS):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def describe() -> str:
    """Says what was measured on, in one line."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    processor = models[0] if models else platform.machine()
    return (
        f"{len(CORES)} x {processor}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )

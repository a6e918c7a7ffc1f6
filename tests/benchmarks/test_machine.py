import os
import subprocess
import sys

import pytest

from benchmarks import machine
from benchmarks.machine import (
    CORES,
    OtherLoad,
    busy_seconds,
    client_cores,
    cpu_seconds,
    describe,
    ended_cpu_seconds,
    fdatasync_seconds,
    on,
    server_cores,
)

ASK = [sys.executable, "-c", "import os; print(sorted(os.sched_getaffinity(0)))"]


def test_what_is_started_on_a_core_stays_there() -> None:
    before = os.sched_getaffinity(0)
    with on(server_cores()):
        said = subprocess.check_output(ASK, text=True)
        # Asked for in between, the client's core is still the client's.
        assert client_cores() == {min(CORES)}
    assert said.strip() == str(sorted(server_cores()))
    assert os.sched_getaffinity(0) == before


def test_none_is_any_core() -> None:
    with on(None):
        assert subprocess.check_output(ASK, text=True).strip() == str(sorted(CORES))


def test_client_and_server_have_their_own_cores_where_there_are_two() -> None:
    assert (client_cores() != server_cores()) == (len(CORES) > 1)
    assert client_cores(same=True) == server_cores()


def test_cpu_time_is_the_process_own() -> None:
    spin = "import time\nwhile time.process_time() < 0.1: pass\nprint(flush=True); input()"
    before = ended_cpu_seconds()
    with subprocess.Popen(
        [sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 0.08 <= cpu_seconds(process.pid) < 10
        process.communicate(b"\n")
    assert 0.08 <= ended_cpu_seconds() - before < 10


def test_others_have_what_is_busy_and_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert busy_seconds(f"cpu  {ticks} 2 3 400 500 6 7 {ticks} 0 0\ncpu0 1 1") == 2 + 18 / ticks

    now = iter([10.0, 14.0])
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(now))
    busy, own = iter([100.0, 110.0]), iter([5.0, 7.0])
    monkeypatch.setattr(machine, "busy_seconds", lambda _stat: next(busy))
    monkeypatch.setattr(machine.os, "times", lambda: (next(own), 0.0, 0.0, 0.0, 0.0))
    assert OtherLoad().cores() == 2.0


def test_the_machine_is_described() -> None:
    assert describe().startswith(f"{len(CORES)} x ")
    assert fdatasync_seconds() > 0

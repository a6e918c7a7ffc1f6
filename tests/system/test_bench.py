"""The benchmark's parts around real processes: small runs of each, their books checked.

`make bench` measures; here only what is said and compared counts, no figure.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import targets
from benchmarks.contenders import Stage, bare_loop_rate
from benchmarks.costs import process_costs
from benchmarks.curves import arguments, measure
from benchmarks.depth import deep_queue
from benchmarks.enqueues import capture_rate, replay_beside_enqueuer
from benchmarks.goals import (
    COUNT_COMMAND,
    FIRST_CALL,
    IDLE_MEMORY,
    LONG_COST,
    LONG_HEAD,
    LONG_MEMORY,
    LONG_RESTART,
    SHORT_COST,
    SHORT_HEAD,
)
from benchmarks.long_log import Measured, Memory, growing_log
from benchmarks.mitmproxy import dump
from benchmarks.profile import measured, profiled
from benchmarks.replays import replay
from benchmarks.targets import Target, run_target
from benchmarks.workloads import GET_32, HTTPS_32, POST_32, SLOW_32
from tests.support.programs import ROOT

FLOWS = 50


@pytest.fixture(scope="module", params=["nginx", "bundled"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "bundled":
            patch.setattr(targets.shutil, "which", lambda *_name, **_path: None)
        elif shutil.which("nginx", path="/usr/sbin:/usr/bin") is None:
            pytest.skip("nginx is not installed: apt-get install nginx-light")
        with run_target() as running:
            yield running


def test_a_watched_run_balances_over_tls_and_plain(target: Target) -> None:
    for workload in (HTTPS_32, POST_32):
        run = replay(target, workload, FLOWS)
        assert min(run.rate) > 0
        assert run.seen.outcomes == workload.count(FLOWS)
        assert 0 < run.seen.p50 <= run.seen.p99


def test_a_run_that_a_hook_is_asked_about_balances(target: Target) -> None:
    assert replay(target, GET_32, FLOWS, hook=True).seen.outcomes == GET_32.count(FLOWS)


def test_the_bare_loop_is_counted_too(target: Target, tmp_path: Path) -> None:
    stage = Stage(target, tmp_path, FLOWS)
    assert all(bare_loop_rate(stage, workload) > 0 for workload in (HTTPS_32, SLOW_32))


@pytest.fixture(scope="module")
def bundled() -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets.shutil, "which", lambda *_name, **_path: None)
        with run_target() as running:
            yield running


def test_a_request_too_many_is_seen(bundled: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([7, 7 + GET_32.count(FLOWS) + 1])
    monkeypatch.setattr(bundled, "requests", lambda: next(counts))
    with pytest.raises(SystemExit, match="requests counted by the target: 65"):
        replay(bundled, GET_32, FLOWS, watchers=0)


def test_a_long_queue_is_left_and_found_again(bundled: Target) -> None:
    figures = deep_queue(bundled, 400, FLOWS)
    wanted = {LONG_COST, LONG_HEAD, LONG_MEMORY, LONG_RESTART, SHORT_COST, SHORT_HEAD}
    assert figures.keys() >= wanted
    assert min(figures.values()) > 0


def test_a_log_is_filled_and_read_and_measured_beside_an_empty_one(bundled: Target) -> None:
    *runs, opened, replayed, read = growing_log(bundled, [1 << 18], FLOWS, 1, 1.0)
    (run,) = runs
    assert isinstance(run, Measured)
    assert run.size >= 1 << 18
    assert min(*run.filled.rate, *run.empty.rate) > 0
    for each in (opened, replayed, read):
        assert isinstance(each, Memory)
        assert 0 < sum(each.parts.values()) <= 2 * each.resident
    assert "read 0 events" not in read.when


def test_a_log_that_the_disk_has_no_room_for_is_refused(bundled: Target) -> None:
    with pytest.raises(SystemExit, match="set TMPDIR to a larger disk"):
        list(growing_log(bundled, [1 << 60], FLOWS, 1, 1.0))


def test_curves_are_measured_in_a_short_form(bundled: Target) -> None:
    wanted = arguments(["--short", "--only", "queue", "watchers"])
    kept = dict(measure(bundled, wanted))
    assert list(kept) == wanted.only
    for curve in kept.values():
        for points in curve["lines"].values():
            assert min(point["cpu"]["low"] for point in points) > 0


def test_another_client_enqueues_beside(bundled: Target) -> None:
    assert replay_beside_enqueuer(bundled, FLOWS) > 0


def test_a_dump_is_made_once_and_taken_in(bundled: Target, tmp_path: Path) -> None:
    made = dump(tmp_path, bundled, GET_32, 5)
    assert capture_rate(made, 5) > 0
    written = made.stat().st_mtime_ns
    assert dump(tmp_path, bundled, GET_32, 5).stat().st_mtime_ns == written


def test_the_replay_thread_is_profiled_at_work(bundled: Target) -> None:
    assert "40 flows" in "".join(measured(bundled, GET_32, 40, 1))
    lines = list(profiled(bundled, GET_32, 40, 999, None))
    assert any(line.startswith("| replayd/replay/thread.py |") for line in lines)
    assert any("thread.py" in line and " _run " in line for line in lines)


def test_processes_cost_something() -> None:
    costs = process_costs()
    assert costs.keys() >= {COUNT_COMMAND, FIRST_CALL, IDLE_MEMORY}
    assert min(costs.values()) > 0


def test_a_stopped_benchmark_leaves_nothing_behind() -> None:
    command = [sys.executable, "-m", "benchmarks.run", "--quick", "--no-peers"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        # By now the target runs.
        assert process.stderr.readline() == "round 1 of 1\n"
        started = [
            pid
            for thread in Path(f"/proc/{process.pid}/task").iterdir()
            for pid in (thread / "children").read_text().split()
        ]
        process.terminate()
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert started
    assert not [pid for pid in started if Path("/proc", pid).exists()]

"""Which steps a round has; the steps themselves are in tests/system/test_bench.py."""

from pathlib import Path

import pytest

from benchmarks import rounds
from benchmarks.contenders import BARE_LOOP, BESIDE, Stage
from benchmarks.figures import Rate, Round
from benchmarks.goals import (
    EMPTY_LOG_COST,
    FULL_LOG_COST,
    GOALS,
    LONG_COST,
    LONG_HEAD,
    LONG_MEMORY,
    LONG_RESTART,
    OURS,
    SHORT_COST,
    SHORT_HEAD,
    cpu_figure,
    figure,
)
from benchmarks.peers import PeerFailed
from benchmarks.replays import Run
from benchmarks.rounds import Rounds
from benchmarks.targets import Target
from benchmarks.watcher import Seen
from benchmarks.workloads import GET_1

EVERYBODY = frozenset(name for beside in BESIDE.values() for name in beside)


def costs() -> Round:
    return {goal.figure: 1.0 for goal in GOALS if not goal.against}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    """A stage on which everything takes no time and has the rate 1."""
    run = Run(Rate(1.0, 2e-6), Seen(2, 0, 1, 0.1, 0.2, 0.0), 1 << 20)
    monkeypatch.setattr(rounds, "replay", lambda *_arguments, **_options: run)
    monkeypatch.setattr(rounds, "contender_rate", lambda *_arguments: Rate(1.0, 3e-6))
    for name in ("replay_beside_enqueuer", "typed_rate", "capture_rate"):
        monkeypatch.setattr(rounds, name, lambda *_arguments: 1.0)
    monkeypatch.setattr(rounds, "process_costs", costs)
    monkeypatch.setattr(rounds.mitmproxy, "dump", lambda *_arguments: tmp_path)
    monkeypatch.setattr(rounds.mitmproxy, "mitmdump", lambda: "mitmdump")
    monkeypatch.setattr(rounds.mitmproxy, "loading_rate", lambda *_arguments: 1.0)
    return Stage(Target("none", 9, 9, tmp_path), tmp_path, 100)


def test_a_round_has_every_figure_of_every_goal(stage: Stage) -> None:
    figures = Rounds(stage, EVERYBODY).measure()
    assert figures[cpu_figure(GET_1, OURS)] == 2.0
    assert figures[cpu_figure(GET_1, BARE_LOOP)] == 3.0
    wanted = {name for goal in GOALS for name in (goal.figure, goal.against) if name}
    once = {
        LONG_HEAD,
        SHORT_HEAD,
        LONG_COST,
        SHORT_COST,
        LONG_MEMORY,
        LONG_RESTART,
        FULL_LOG_COST,
        EMPTY_LOG_COST,
    }
    assert wanted - once <= figures.keys()


def test_who_is_not_there_is_left_out(stage: Stage) -> None:
    figures = Rounds(stage, frozenset({BARE_LOOP})).measure()
    assert figure(GET_1, BARE_LOOP) in figures
    assert not [name for name in figures if "mitmproxy" in name or "wrk" in name]


def test_a_peer_that_fails_is_noted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, *_arguments: object) -> Rate:
        if name == "wrk":
            raise PeerFailed("it fell")
        return Rate(1.0, 1.0)

    monkeypatch.setattr(rounds, "contender_rate", fail)
    measured = Rounds(stage, EVERYBODY)
    figures = measured.measure()
    assert figure(GET_1, "wrk") not in figures
    assert figures[figure(GET_1, OURS)] == 1.0
    assert f"{figure(GET_1, 'wrk')}: it fell" in measured.notes


def test_books_that_do_not_balance_end_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> Run:
        raise SystemExit("the books do not balance")

    monkeypatch.setattr(rounds, "replay", fail)
    with pytest.raises(SystemExit, match="books"):
        Rounds(stage, EVERYBODY).measure()

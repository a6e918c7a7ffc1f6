"""Series of inputs: counted, alike in any process; the short form of `make fuzz`."""

import os

import pytest

from replayd.formats.har import entry
from tools.fuzz import series
from tools.fuzz.case import make_case
from tools.fuzz.recipes import RECIPES
from tools.fuzz.series import KEPT, Result, run_series, run_share

SHORT = 300


@pytest.mark.parametrize("name", RECIPES)
def test_hostile_captures_are_refused_and_nothing_else(name: str) -> None:
    result = run_share(name, seed=0, first=0, count=SHORT)
    assert result.findings == {}
    assert result.inputs == SHORT == sum(result.outcomes.values())
    # What is made is neither all damaged nor all well.
    assert result.outcomes["accepted"] > SHORT // 20
    assert len(result.outcomes) > 2


def test_findings_are_counted_and_some_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_said: object) -> str:
        raise IndexError

    monkeypatch.setattr(entry, "_words", broken)
    result = run_share("har", seed=0, first=0, count=100)
    assert {kind.partition(":")[0] for kind in result.findings} == {"har"}
    [kind, *_] = [kind for kind in result.findings if "IndexError in formats/har/" in kind]
    kept = result.findings[kind]
    assert len(kept) == KEPT < result.counts[kind] <= result.found
    assert kept[0].case in [make_case("har", 0, number) for number in range(100)]
    assert sum(result.outcomes.values()) + result.found == 100


def test_processes_share_a_series() -> None:
    whole = Result()
    for part in run_series("http", seed=0, first=0, count=SHORT, processes=2):
        whole.add(part)
    alone = run_share("http", seed=0, first=0, count=SHORT)
    assert (whole.inputs, whole.outcomes) == (alone.inputs, alone.outcomes)
    assert whole.peak > 0 < whole.seconds


def _die(*_: object) -> None:
    os._exit(1)


def test_a_share_that_costs_a_process_its_life_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "_run_alone", _die)
    [result] = run_series("http", seed=3, first=7, count=10, processes=1)
    assert result.inputs == 0
    [lost] = result.lost
    assert lost.endswith("python -m tools.fuzz --format http --seed 3 --first 7 --count 10")


def test_results_add_up() -> None:
    whole, part = Result(), run_share("curl", seed=1, first=5, count=10)
    whole.add(part)
    whole.add(Result(lost=["a process died"]))
    assert (whole.inputs, whole.peak, whole.lost) == (10, part.peak, ["a process died"])

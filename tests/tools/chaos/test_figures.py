"""Figures of several runs add up."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tools.chaos.figures import Figures, from_json, main, total


def test_runs_add_up() -> None:
    one = Figures(date="1", commit="a", seeds=[1], kills=2, most_requeued=5, recoveries=[0.25, 0.5])
    two = Figures(date="2", commit="a", seeds=[2], kills=3, most_requeued=4)
    two.failpoints = Counter({"accept:told": 1})
    whole = total([one.as_json(), two.as_json()])
    assert (whole.date, whole.commit, whole.seeds, whole.kills) == ("2", "a", [1, 2], 5)
    assert (whole.most_requeued, whole.recoveries) == (5, [0.25, 0.5])
    assert whole.failpoints == {"accept:told": 1}
    whole.add(Figures(commit="b"))
    whole.add(Figures(commit="a"))
    assert whole.commit == "a; b"


def test_a_line_is_read_as_it_was_written() -> None:
    figures = Figures(findings=Counter({"lost": 2}), seconds=1.5)
    assert from_json(figures.as_json()) == figures
    with pytest.raises(KeyError):
        from_json("{}")


def test_a_file_is_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results"
    path.write_text(Figures(kills=2).as_json() + "\n" + Figures(kills=3).as_json() + "\n")
    monkeypatch.setattr(sys, "argv", ["figures", str(path)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert "kills          5" in capsys.readouterr().out
    path.write_text(Figures(findings=Counter({"lost": 1})).as_json())
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1

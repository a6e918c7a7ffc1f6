"""A bug counts as found only by what it breaks."""

from collections import Counter
from pathlib import Path

import pytest

from tools.chaos import controls
from tools.chaos.figures import Figures

NAME = "counts drift"


@pytest.mark.parametrize(
    ("findings", "code", "told"),
    [
        ({"counts": 2, "daemon": 1}, 0, "counts 2, daemon 1"),
        ({"daemon": 1}, 1, "daemon 1, but not counts"),
        ({}, 1, "NOT FOUND"),
    ],
)
def test_it_has_to_be_found_by_what_it_breaks(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    findings: dict[str, int],
    code: int,
    told: str,
) -> None:
    def run(_: Path, options: object) -> tuple[Figures, list[str]]:
        return Figures(rounds=2, findings=Counter(findings)), []

    monkeypatch.setattr(controls, "run", run)
    assert controls.main([NAME]) == code
    _, line, last = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{NAME} ")
    assert line.endswith(f"  {told}")
    assert last == f"{1 - code} of 1 found"

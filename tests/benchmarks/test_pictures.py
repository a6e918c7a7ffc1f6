"""The pictures of curves; without matplotlib they can't be drawn."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.curves import document
from benchmarks.growing import CURVES, Point, Sample
from tests.support.programs import NEEDS

pytest.importorskip("matplotlib", reason=f"{NEEDS}matplotlib (to have it: make pictures)")

from benchmarks import pictures


@pytest.mark.parametrize(
    ("say", "value", "expected"),
    [
        (pictures.sized, 0, "0"),
        (pictures.sized, 1536, "1.5 KiB"),
        (pictures.sized, 10 << 30, "10 GiB"),
        (pictures.counted, 0.5, "0.5"),
        (pictures.counted, 500, "500"),
        (pictures.counted, 12_500, "12.5k"),
        (pictures.counted, 1_000_000, "1M"),
    ],
)
def test_axes_say_numbers_shortly(say: object, value: float, expected: str) -> None:
    assert callable(say)
    assert say(value) == expected


def test_a_curve_is_drawn_beside_its_file_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = [
        Sample(line, x, Point(x + 1.0, 9000 / (x + 1), 50.0))
        for line in ("responses", "requests")
        for x in (0, 1024, 1 << 20)
    ]
    (tmp_path / "body.json").write_text(json.dumps(document(CURVES["body"], samples, {})))
    monkeypatch.setattr(sys, "argv", ["pictures", str(tmp_path)])
    pictures.main()
    drawn = (tmp_path / "body.svg").read_bytes()
    for text in ("responses", "requests", "Larger contents, 4 at once", *pictures.PANELS.values()):
        assert text.encode() in drawn
    pictures.main()
    assert (tmp_path / "body.svg").read_bytes() == drawn

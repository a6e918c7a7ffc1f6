"""The daemon has every place that is named, and dies exactly there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import DEADLINE
from tests.support.programs import ROOT
from tools.chaos.failpoints import ALL, ELSEWHERE, MATRIX, OPERATIONS, POINTS, RETENTION

WORK = """
import sys
from pathlib import Path
from tools.chaos.failpoints import Failpoint
Failpoint(sys.argv[1], int(sys.argv[2]), armed=sys.argv[3] == "armed")
from tests.support.journals import NOW, enqueue, row
from replayd.journal.sqlite import open_sqlite
journal = open_sqlite(Path(sys.argv[4]), NOW)
for number in range(3):
    enqueue(journal, f"b{number}", [row(0)])
    print(number, flush=True)
journal.clear("", NOW)
print("cleared", flush=True)
"""


def test_72_are_on_the_way_of_a_commit() -> None:
    assert (len(OPERATIONS), len(POINTS), len(MATRIX)) == (6, 12, 72)
    assert len(set(ALL)) == len(ALL) == 72 + len(ELSEWHERE) + len(RETENTION)


def test_the_daemon_has_every_place() -> None:
    points = [*POINTS.values(), *ELSEWHERE.values(), *RETENTION.values()]
    places = [point.place for point in points if point.place] + [*OPERATIONS.values()]
    assert all(callable(place.find()[1]) for place in places)


@pytest.mark.parametrize(
    ("failpoint", "passing", "armed", "lines"),
    [
        ("accept:written", 2, "armed", ["0"]),
        ("accept:copied", 3, "armed", ["0", "1"]),
        ("clear:called", 1, "armed", ["0", "1", "2"]),
        ("clear:done", 1, "not", ["0", "1", "2", "cleared"]),
    ],
)
def test_it_kills_at_a_passing(
    tmp_path: Path, failpoint: str, passing: int, armed: str, lines: list[str]
) -> None:
    command = [sys.executable, "-c", WORK, failpoint, str(passing), armed, str(tmp_path / "data")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (done.stdout.split(), done.stderr) == (lines, "")
    assert done.returncode == (0 if armed == "not" else -9)

"""What came of a series, in words."""

from collections import Counter
from pathlib import Path

from replayd.formats import Format
from tools.fuzz.case import Case
from tools.fuzz.enqueue import Way
from tools.fuzz.finding import Finding
from tools.fuzz.report import HEADING, findings, line
from tools.fuzz.series import Result

FOUND = Finding(Case("har", b"{", Way(Format.HAR)), "KeyError in formats/x.py:1: 'a'")


def result() -> Result:
    outcomes = Counter({"accepted": 3, "no flows": 7})
    kept = {FOUND.kind: [FOUND]}
    return Result(12, 0.5, outcomes, kept, Counter({FOUND.kind: 2}), 40 << 20, ["a process died"])


def test_a_line_of_figures() -> None:
    said = line("har", result()).split(maxsplit=6)
    assert said == ["har", "12", "24", "3", "40", "MiB", "7 no flows, 3 accepted"]
    assert line("har", Result()).split()[:4] == ["har", "0", "0", "0"]
    assert HEADING.index("inputs/s") < HEADING.index("findings")


def test_findings_come_with_their_commands(tmp_path: Path) -> None:
    counted, what, command, lost = findings(result(), tmp_path)
    assert counted == "2 x har: KeyError in formats/x.py:1"
    assert what.strip() == FOUND.what
    assert f"--replay {tmp_path}/har-" in command
    assert lost == "a process died"

import json

import pytest

from benchmarks.goals import IDLE_MEMORY, cpu_figure, figure
from benchmarks.report import Results, as_json, as_text, number
from benchmarks.workloads import GET_1

COST = cpu_figure(GET_1, "replayd")
OURS, THEIRS = figure(GET_1, "replayd"), figure(GET_1, "mitmproxy")
RESULTS = Results(
    {"machine": "a small one"},
    [{OURS: 9000.0, THEIRS: 300.0, IDLE_MEMORY: 40.0, COST: 71.0}, {OURS: 12600.0, THEIRS: 300.0}],
    ["GET: siege: it fell"],
)


def test_the_tables_tell_figures_goals_and_what_is_missing() -> None:
    lines = as_text(RESULTS).splitlines()
    assert lines[0] == "- machine: a small one"
    assert f"| {OURS} | 10,800 | 9,000 | 12,600 |" in lines
    assert lines.index("| CPU, µs a request | median | lowest | highest |") + 2 == lines.index(
        f"| {OURS} | 71 | 71 | 71 |"
    )
    strict, *others = [line for line in lines if "at least" in line or "at most" in line]
    assert strict.endswith("| at least 35 | 36 | 30 | 42 | met |")
    assert "| idle memory, MiB | at most 48 | 40 | 40 | 40 | met |" in others
    assert [line.endswith("| not measured |") for line in others].count(True) == len(others) - 1
    assert lines[-1] == "Note: GET: siege: it fell"


def test_every_line_of_a_table_has_as_many_cells_as_its_head() -> None:
    tables = as_text(RESULTS).split("\n\n")[1:4]
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_json_has_the_rounds_too() -> None:
    told = json.loads(as_json(RESULTS))
    assert told["figures"][OURS] == {"median": 10800.0, "low": 9000.0, "high": 12600.0}
    assert told["goals"][0]["reached"]["median"] == 36
    assert told["goals"][0]["met"] is True
    assert told["goals"][1]["reached"] is None
    assert told["rounds"] == RESULTS.rounds
    assert (told["notes"], told["facts"]) == (RESULTS.notes, RESULTS.facts)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(35.0, "35"), (0.0187, "0.0187"), (1234567.8, "1,234,568"), (99.96, "100"), (0.4, "0.4")],
)
def test_numbers_have_the_digits_that_count(value: float, expected: str) -> None:
    assert number(value) == expected

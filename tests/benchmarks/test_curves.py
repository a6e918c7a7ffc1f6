"""The command line of curves, and what is kept of one."""

from benchmarks.curves import arguments, document
from benchmarks.growing import CURVES, Point, Sample


def test_the_full_form_goes_as_far_as_the_goals() -> None:
    read = arguments([])
    assert (read.depth, read.concurrency, read.watchers) == (10**6, 500, 1000)
    assert (read.body_mib, read.log_gib, read.rounds) == (64, 10, 3)
    assert read.only == list(CURVES)


def test_the_short_form_has_one_point_of_each_line() -> None:
    read = arguments(["--short", "--watchers=1"])
    assert (read.depth, read.concurrency, read.watchers, read.log_gib) == (1000, 1, 1, 0)


def test_medians_are_kept_with_least_and_most() -> None:
    samples = [Sample("one", 8, Point(cpu, 10.0, 1.0)) for cpu in (3.0, 9.0, 4.0)]
    kept = document(
        CURVES["queue"],
        [Sample("one", 9, Point(2.0, 500.0, 3.0)), *samples, "a note"],
        {"date": "today"},
    )
    first, second = kept["lines"]["one"]
    assert first["cpu"] == {"median": 4.0, "low": 3.0, "high": 9.0}
    assert (first["x"], second["x"]) == (8, 9)
    assert kept["notes"] == ["a note"]
    assert kept["facts"] == {"date": "today"}

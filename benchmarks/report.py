"""A run's results as Markdown tables for people, or as JSON for programs. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.figures import Round, Spread, summary
from benchmarks.goals import CPU, Verdict, verdicts

_WORDS = {True: "met", False: "not met", None: "not measured"}


class Results(NamedTuple):
    """All that a run has to tell."""

    facts: Mapping[str, str]
    """What it was measured on and how."""
    rounds: Sequence[Round]
    notes: Sequence[str]
    """What went wrong with peers."""


def as_text(results: Results) -> str:
    """Returns the tables: what was measured on, figures, goals, notes."""
    return "\n".join(_lines(results))


def _lines(results: Results) -> Iterator[str]:
    yield from (f"- {name}: {value}" for name, value in results.facts.items())
    figures = summary(results.rounds)
    yield from _table("figure", {name: each for name, each in figures.items() if CPU not in name})
    yield from _table(
        "CPU, µs a request",
        {name.removesuffix(CPU): each for name, each in figures.items() if CPU in name},
    )
    yield from ("", "| goal | wanted | median | lowest | highest | |")
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    yield from map(_goal, verdicts(results.rounds))
    yield ""
    yield from (f"Note: {note}" for note in results.notes)


def _table(what: str, figures: Mapping[str, Spread]) -> Iterator[str]:
    yield from ("", f"| {what} | median | lowest | highest |", "| --- | ---: | ---: | ---: |")
    yield from (f"| {name} | {_cells(each)} |" for name, each in figures.items())


def _goal(verdict: Verdict) -> str:
    goal = verdict.goal
    wanted = f"{'at most' if goal.at_most else 'at least'} {number(goal.wanted)}"
    cells = _cells(verdict.reached) if verdict.reached else " | | "
    return f"| {goal.text} | {wanted} | {cells} | {_WORDS[verdict.met]} |"


def _cells(values: Spread) -> str:
    return " | ".join(map(number, values))


def number(value: float) -> str:
    """Returns a number with three digits that count, or all of a large one's."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_json(results: Results) -> str:
    """Returns the same as JSON: every round's figures beside the medians."""
    goals = [
        {
            "goal": each.goal.text,
            "wanted": each.goal.wanted,
            "at_most": each.goal.at_most,
            "reached": each.reached and each.reached._asdict(),
            "met": each.met,
        }
        for each in verdicts(results.rounds)
    ]
    return json.dumps(
        {
            "facts": dict(results.facts),
            "figures": {name: each._asdict() for name, each in summary(results.rounds).items()},
            "goals": goals,
            "notes": list(results.notes),
            "rounds": [dict(each) for each in results.rounds],
        },
        indent=2,
    )

"""Scores for people, a line a capture, and for programs, as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tools.fidelity.score import Score, Side, total

HEADINGS = f"{'flows':>7}{'refused':>8}{'identical':>10}{'changed':>8}{'else':>5}"
THEIR_HEADINGS = f"{'identical':>10}{'changed':>8}{'else':>5}{'unsent':>7}"
REMARK = 80
"""Characters of a remark in a capture's line."""


def totals(scores: Sequence[Score]) -> list[Score]:
    """One for each kind of captures, and one for all of them."""
    kinds = {score.kind for score in scores}
    several = [total(kind, [s for s in scores if s.kind == kind]) for kind in sorted(kinds)]
    return [*several, total("total", scores)]


def text(scores: Sequence[Score], mitmproxy: str, *, verbose: bool) -> Iterator[str]:
    """The lines of a report; `mitmproxy` is its version, empty when it took no part."""
    width = max([len("capture"), *(len(score.name) for score in scores)]) + 1
    title = " " * (width + len(HEADINGS))
    if mitmproxy:
        yield f"{title}  | {mitmproxy}"
    headings = f"{'capture':<{width}}{HEADINGS}"
    yield f"{headings}  | {THEIR_HEADINGS}" if mitmproxy else headings
    for score in scores:
        yield line(score, width, wide=bool(mitmproxy), verbose=verbose)
        if verbose:
            yield from details(score)
    for score in totals(scores):
        yield ""
        yield cells(score, width, wide=bool(mitmproxy)).rstrip()
        yield from (f"    {remark}" for remark in remarks(score))


def line(score: Score, width: int, *, wide: bool, verbose: bool) -> str:
    """A capture in one line."""
    said = [remark if verbose else shortened(remark) for remark in remarks(score)]
    return f"{cells(score, width, wide=wide)}  {'; '.join(said)}".rstrip()


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= REMARK else f"{text[: REMARK - 3]}..."


def cells(score: Score, width: int, *, wide: bool) -> str:
    """The numbers of a score."""
    ours = score.ours
    refused = sum(score.refused.values())
    numbers = f"{score.flows:>7}{refused:>8}{ours.identical:>10}{ours.changed:>8}{ours.other:>5}"
    beside = f"  | {their_cells(score.theirs)}" if wide else ""
    return f"{score.name:<{width}}{numbers}{beside}"


def their_cells(side: Side | None) -> str:
    """What a line says of mitmproxy."""
    if side is None:
        return " " * len(THEIR_HEADINGS)
    return f"{side.identical:>10}{side.changed:>8}{side.other:>5}{side.unsent:>7}"


def remarks(score: Score) -> list[str]:
    """What the numbers are made of."""
    parts = [score.error and f"not read: {score.error}"]
    parts += [counted("refused", score.refused), counted("changes", score.ours.changes)]
    if score.theirs is not None:
        if score.theirs.changes != score.ours.changes:
            parts.append(counted("mitmproxy's changes", score.theirs.changes))
        if score.theirs.split:
            parts.append(f"{score.theirs.split} of mitmproxy's are not one request")
    parts.append(score.theirs_error and f"mitmproxy: {score.theirs_error}")
    return [part for part in parts if part]


def counted(what: str, counts: Counter[str]) -> str:
    """Counts by name, in the order of the names; empty when there are none."""
    listed = ", ".join(f"{name} {counts[name]}" for name in sorted(counts))
    return f"{what}: {listed}" if listed else ""


def details(score: Score) -> Iterator[str]:
    """What differs in which flow, and where first."""
    sides = [("replayd", score.ours)] + ([("mitmproxy", score.theirs)] if score.theirs else [])
    for who, side in sides:
        for index, what in side.details:
            yield f"    {who}, flow {index}: {what}" if index >= 0 else f"    {who}: {what}"


def as_json(scores: Sequence[Score], mitmproxy: str) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "mitmproxy": mitmproxy,
        "captures": [score_as_json(score) for score in scores],
        "totals": [score_as_json(score) for score in totals(scores)],
    }


def score_as_json(score: Score) -> dict[str, Any]:
    """A score as JSON."""
    return {
        "name": score.name,
        "kind": score.kind,
        "captures": score.captures,
        "flows": score.flows,
        "error": score.error,
        "refused": dict(sorted(score.refused.items())),
        "replayd": side_as_json(score.ours),
        "mitmproxy": score.theirs and side_as_json(score.theirs),
        "mitmproxyError": score.theirs_error,
    }


def side_as_json(side: Side) -> dict[str, Any]:
    """One side of a score."""
    return {
        "identical": side.identical,
        "changed": side.changed,
        "changes": dict(sorted(side.changes.items())),
        "else": side.other,
        "unsent": side.unsent,
        "split": side.split,
        "details": [{"flowIndex": index, "text": what} for index, what in side.details],
    }

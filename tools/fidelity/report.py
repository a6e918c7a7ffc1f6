"""Scores for people, a line a capture, and for programs, as JSON."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tools.fidelity.score import Score, Side, total

HEADINGS = f"{'flows':>7}{'refused':>8}{'identical':>10}{'changed':>8}{'else':>5}"
HTTP2_HEADINGS = f"{'identical':>10}{'changed':>8}{'else':>5}"
THEIR_HEADINGS = f"{HTTP2_HEADINGS}{'unsent':>7}"
WEBSOCKET_HEADINGS = f"{'identical':>10}{'else':>5}"
HTTP2 = "over HTTP/2"
WEBSOCKETS = "on WebSockets"
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
    beside = [(HTTP2, HTTP2_HEADINGS)] * any(score.http2 for score in scores)
    beside += [(WEBSOCKETS, WEBSOCKET_HEADINGS)] * any(score.websockets for score in scores)
    beside += [(mitmproxy, THEIR_HEADINGS)] * bool(mitmproxy)
    if beside:
        titles = (f"  | {title:<{len(headings)}}" for title, headings in beside)
        yield (" " * (width + len(HEADINGS)) + "".join(titles)).rstrip()
    headings = "".join(f"  | {headings}" for _, headings in beside)
    yield f"{'capture':<{width}}{HEADINGS}{headings}"
    shown = {title for title, _ in beside}
    for score in scores:
        said = [remark if verbose else shortened(remark) for remark in remarks(score)]
        yield f"{cells(score, width, shown)}  {'; '.join(said)}".rstrip()
        if verbose:
            yield from details(score)
    for score in totals(scores):
        yield ""
        yield cells(score, width, shown).rstrip()
        yield from (f"    {remark}" for remark in remarks(score))


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= REMARK else f"{text[: REMARK - 3]}..."


def cells(score: Score, width: int, shown: Collection[str]) -> str:
    """The numbers of a score; `shown` are the titles of those beside replayd's."""
    ours = score.ours
    refused = sum(score.refused.values())
    numbers = f"{score.flows:>7}{refused:>8}{ours.identical:>10}{ours.changed:>8}{ours.other:>5}"
    if HTTP2 in shown:
        numbers += f"  | {side_cells(score.http2):<{len(HTTP2_HEADINGS)}}"
    if WEBSOCKETS in shown:
        said = score.websockets
        cell = f"{said.identical:>10}{said.other:>5}" if said else ""
        numbers += f"  | {cell:<{len(WEBSOCKET_HEADINGS)}}"
    if set(shown) - {HTTP2, WEBSOCKETS}:
        unsent = f"{score.theirs.unsent:>7}" if score.theirs else ""
        numbers += f"  | {side_cells(score.theirs) + unsent:<{len(THEIR_HEADINGS)}}"
    return f"{score.name:<{width}}{numbers}"


def side_cells(side: Side | None) -> str:
    """What a line says of a side; empty: it took no part."""
    return f"{side.identical:>10}{side.changed:>8}{side.other:>5}" if side else ""


def remarks(score: Score) -> list[str]:
    """What the numbers are made of."""
    parts = [score.error and f"not read: {score.error}"]
    parts += [counted("refused", score.refused), counted("changes", score.ours.changes)]
    if score.http2 is not None:
        parts.append(counted("changes over HTTP/2", score.http2.changes))
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
    sides = {"replayd": score.ours, HTTP2: score.http2, WEBSOCKETS: score.websockets}
    sides["mitmproxy"] = score.theirs
    for who, side in sides.items():
        for index, what in side.details if side else ():
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
        "http2": score.http2 and side_as_json(score.http2),
        "websockets": score.websockets and side_as_json(score.websockets),
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

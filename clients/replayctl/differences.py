"""What differs between a recorded response and the one that came, as a diff reads. Pure."""

from collections.abc import Callable, Iterator

from flowreplay.v1 import comparison_pb2 as pb
from flowreplay.v1.history_pb2 import ReplayDiff

from replayctl.contents import looks_like_text
from replayctl.printable import printable

Style = Callable[[str, str], str]
"""Puts text into a colour, or not."""

_PLACES = {
    pb.DIFFERENCE_KIND_STATUS: "status",
    pb.DIFFERENCE_KIND_HEADER: "header ",
    pb.DIFFERENCE_KIND_TRAILER: "trailer ",
    pb.DIFFERENCE_KIND_JSON: "",
    pb.DIFFERENCE_KIND_JSON_ORDER: "the order of ",
    pb.DIFFERENCE_KIND_TEXT: "",
    pb.DIFFERENCE_KIND_CONTENT: "content",
}


def counted(count: int, noun: str) -> str:
    """Returns a number of things: `1 difference`, `2 differences`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def verdict(comparison: pb.Comparison) -> str:
    """Says in some words what a comparison came to; empty: nothing differs."""
    if comparison.result == pb.COMPARISON_RESULT_DIFFERENT:
        return counted(comparison.difference_count, "difference")
    return "not compared" if comparison.result == pb.COMPARISON_RESULT_UNDECIDED else ""


def diff_lines(diff: ReplayDiff, style: Style) -> Iterator[str]:
    """Yields the lines that tell of a replay and all that is told of its differences."""
    comparison = diff.comparison
    said = verdict(comparison) or "equal"
    if comparison.ignored_count:
        said += f", {comparison.ignored_count} left out"
    request = f"{printable(diff.method)} {printable(diff.url)}"
    yield style(f"{printable(diff.replay_id)}  {request}  {said}", "bold")
    yield from (f"  {line}" for line in comparison_lines(comparison, style))


def comparison_lines(comparison: pb.Comparison, style: Style) -> Iterator[str]:
    """Yields the lines of a comparison's differences, what was recorded above what came."""
    for difference in comparison.differences:
        place = _PLACES.get(difference.kind, "")
        path = printable(difference.place)
        if place == "content" and path:
            path = f" {path}"
        yield style(f"@ {place}{path}", "cyan")
        if difference.HasField("recorded_value"):
            yield from _value("-", difference.recorded_value, style, "red")
        if difference.HasField("replayed_value"):
            yield from _value("+", difference.replayed_value, style, "green")
    left = comparison.difference_count - len(comparison.differences)
    if left > 0 and comparison.differences:
        yield f"... {left} more"
    if comparison.note:
        yield f"({printable(comparison.note)})"


def _value(sign: str, value: bytes, style: Style, colour: str) -> Iterator[str]:
    if not looks_like_text(value):
        yield style(f"{sign}{printable(value)}", colour)
        return
    for line in value.decode(errors="replace").split("\n"):
        yield style(f"{sign}{printable(line)}", colour)

"""What may be asserted of a batch: `error`, `status>=500`, `p95>300ms`, `error>1%`, `lag>1s`.

Each names what must not be: an assertion fails when it is true.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from replayd.errors import FieldError, ReplaydError
from replayd.reasons import Reason
from replayd.summary.figures import Figures

MAX_ASSERTIONS = 100
MAX_TEXT = 200

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_SYNTAX = re.compile(r"\s*([a-z]+[0-9.]*)\s*(?:(>=|<=|!=|>|<|=)\s*([0-9.]+)\s*([a-zµ%/]*)\s*)?")
_PERCENTILE = re.compile(r"p([0-9]{1,2}(?:\.[0-9]{1,3})?)")
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_NOTHING = {
    "changed": "no response has a recorded one beside it: the capture has none",
    "diff": "nothing was compared: the capture has no responses, or --no-compare was given",
}
"""Why nothing can be told of responses beside the recorded ones."""
_COUNTED = ("error", *_NOTHING)
_TIMES = ("min", "mean", "max")
_EXAMPLES = {"count": "count<20", "rate": "rate<100/s"}


class Failed(NamedTuple):
    """An assertion that did not hold."""

    assertion: str
    message: str
    """What was measured."""
    replay_id: str = ""
    """The first replay that it is about; empty: it is about all of them, or none is known."""


Check = Callable[[Figures], Failed | None]

Given = tuple[Callable[[float, float], bool], float]
"""A comparison, and the value to compare with."""


def compile_assertions(texts: Sequence[str]) -> list[Check]:
    """Reads assertions. Raises ReplaydError INVALID_OPTIONS, which names the one and why."""
    if len(texts) > MAX_ASSERTIONS:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            f"{len(texts)} assertions are more than {MAX_ASSERTIONS}",
            field="assertions",
        )
    return [_compile(position, text) for position, text in enumerate(texts)]


def _compile(position: int, text: str) -> Check:
    def invalid(what: str) -> NoReturn:
        raise FieldError(f"assertions[{position}]", what)

    if len(text) > MAX_TEXT:
        invalid(f"may have at most {MAX_TEXT} characters")
    match = _SYNTAX.fullmatch(text)
    if match is None:
        invalid(f"{text!r} is not such as error, status>=500, p95>300ms or error>1%")
    name, sign, number, unit = match.groups()
    try:
        value = float(number or 0)
    except ValueError:
        invalid(f"{text!r}: {number} is not a number")
    compare = _OPERATORS[sign or ">"]
    if name == "status":
        if unit:
            invalid(f"{text!r}: a status has no unit")
        return _status(text, (compare, value) if sign else None)
    if name in _COUNTED:
        if unit not in (None, "", "%"):
            invalid(f"{text!r}: {name} is compared with a number, or with a part of all in %")
        return _count(text, name, (compare, value) if sign else None, of_all=unit == "%")
    percentile = _PERCENTILE.fullmatch(name)
    if percentile is None and name not in (*_TIMES, "lag", *_EXAMPLES):
        known = ", ".join((*_COUNTED, "status", *_EXAMPLES, "lag", *_TIMES, "p50 to p99.999"))
        invalid(f"{text!r}: there is no {name}; there are {known}")
    if sign is None:
        example = _EXAMPLES.get(name, f"{name}>300ms")
        invalid(f"{text!r} needs what it is compared with, such as {example}")
    if name == "count":
        if unit:
            invalid(f"{text!r}: a count has no unit")
        return _number(text, compare, value)
    if name == "rate":
        if unit not in ("", "/s"):
            invalid(f"{text!r}: rate is compared with replays a second, such as rate<100/s")
        return _rate(text, compare, value)
    if unit not in _SECONDS:
        invalid(f"{text!r} needs a unit: us, ms, s or m")
    wanted = float(percentile[1]) if percentile else name
    return _latency(text, wanted, compare, value * _SECONDS[unit])


def _status(text: str, given: Given | None) -> Check:
    """Without a comparison: no response, or a status from 400 on."""

    def check(figures: Figures) -> Failed | None:
        compare, value = given or (operator.ge, 400)
        found = [status for status in sorted(figures.statuses) if compare(status, value)]
        count = sum(figures.statuses[status] for status in found)
        first = figures.first_of_status[found[0]] if found else ""
        said = f"{count} of {figures.ended}" + (f", such as {found[0]}" if found else "")
        failed = Failed(text, said, first) if count else None
        return _strictly(text, figures, said, failed) if given is None else failed

    return check


def _strictly(text: str, figures: Figures, said: str, failed: Failed | None) -> Failed | None:
    """A name without a comparison also tells what got no response: that is not as it should be
    either. `said`: what was measured; `failed`: None, if that is as it should be.
    """
    if not figures.failed:
        return failed
    said = f"{figures.failed} of {figures.ended} without a response; {said}"
    return Failed(text, said, (failed and failed.replay_id) or figures.first_error)


def _count(text: str, name: str, given: Given | None, *, of_all: bool) -> Check:
    compare, value = given or (operator.gt, 0.0)

    def check(figures: Figures) -> Failed | None:
        count, first = {
            "error": (figures.failed, figures.first_error),
            "changed": (figures.changed, figures.first_changed),
            "diff": (figures.different, figures.first_different),
        }[name]
        part = 100 * count / figures.ended if figures.ended else 0.0
        said = f"{count} of {figures.ended}" + (f" ({part:.3g} %)" if of_all else "")
        failed = Failed(text, said, first) if compare(part if of_all else count, value) else None
        if name == "error":
            return failed
        return _beside(failed, text, name, said, figures, strictly=given is None)

    return check


def _beside(
    failed: Failed | None, text: str, name: str, said: str, figures: Figures, *, strictly: bool
) -> Failed | None:
    """Judges what is told of responses beside the recorded ones: that nothing could be is a
    failure, whatever the comparison.
    """
    known = figures.compared if name == "diff" else figures.recorded
    undecided = figures.undecided if name == "diff" else 0
    if not known and not undecided:
        said = _NOTHING[name]
        failed = Failed(text, said)
    elif strictly and undecided:
        said += f"; {undecided} could not be compared"
        failed = Failed(text, said, figures.first_different or figures.first_undecided)
    return _strictly(text, figures, said, failed) if strictly else failed


def _number(text: str, compare: Callable[[float, float], bool], value: float) -> Check:
    def check(figures: Figures) -> Failed | None:
        return Failed(text, f"{figures.ended} ended") if compare(figures.ended, value) else None

    return check


def _rate(text: str, compare: Callable[[float, float], bool], value: float) -> Check:
    def check(figures: Figures) -> Failed | None:
        if not compare(figures.rate, value):
            return None
        return Failed(text, f"{_figure(figures.rate)} a second")

    return check


def _latency(
    text: str, wanted: float | str, compare: Callable[[float, float], bool], seconds: float
) -> Check:
    def check(figures: Figures) -> Failed | None:
        measured = figures.lag if wanted == "lag" else figures.latency
        if not measured.count:
            # Of none nothing is known, and nothing is slow.
            return None
        if isinstance(wanted, float):
            microseconds: float = measured.percentiles([wanted])[0]
        else:
            known = {"min": measured.least, "mean": measured.mean}
            microseconds = known.get(wanted, measured.greatest)
        if not compare(microseconds / 1e6, seconds):
            return None
        return Failed(text, _time(microseconds))

    return check


def _time(microseconds: float) -> str:
    milliseconds = microseconds / 1e3
    in_seconds = milliseconds >= 1000
    return f"{_figure(milliseconds / 1e3)} s" if in_seconds else f"{_figure(milliseconds)} ms"


def _figure(value: float) -> str:
    """Returns four digits of it, or all those before the point."""
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"

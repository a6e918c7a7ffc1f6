"""What is set for each target, such as `10/s` or `api.test=10/s`: values by pattern. Pure.

A pattern is one of `--allow-target` and stands for what is dialled: a host by its name, or an
address by its number. A value without one is for all targets; the first that fits wins, those
with a pattern before those without.
"""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from replayd.errors import ConfigError
from replayd.planning.hosts import literal_address, normal_host
from replayd.planning.target_rules import Pattern
from replayd.units import parse_duration

T = TypeVar("T")

SECOND = 1_000_000_000

_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}


class TargetLimits(Generic[T]):
    """Values by pattern."""

    def __init__(self, rules: Iterable[tuple[Pattern | None, T]]) -> None:
        rules = list(rules)
        self._rules = [(pattern, value) for pattern, value in rules if pattern is not None]
        self._others = [value for pattern, value in rules if pattern is None]

    def having(self, pattern: Pattern | None, value: T) -> "TargetLimits[T]":
        """Returns these with another value for a pattern, or (None) for all other targets; one
        with a pattern comes first.
        """
        if pattern is None:
            return TargetLimits([*self._rules, (None, value)])
        rules = [rule for rule in self._rules if rule[0].text != pattern.text]
        others: list[tuple[Pattern | None, T]] = [(None, each) for each in self._others]
        return TargetLimits([(pattern, value), *rules, *others])

    def of(self, host: str, port: int) -> T | None:
        """Returns what is set for the target at this host, or address, and port."""
        for pattern, value in self._rules:
            if fits(pattern, host, port):
                return value
        return self.default

    @property
    def default(self) -> T | None:
        """What is set for all other targets."""
        return self._others[0] if self._others else None


def fits(pattern: Pattern, host: str, port: int) -> bool:
    """Tells whether a pattern is about what is dialled."""
    try:
        name = normal_host(host)
    except ValueError:
        return False
    if pattern.matches_host(name.lower().removesuffix("."), port):
        return True
    address = literal_address(name)
    return address is not None and pattern.matches_address(address, port)


def parse_limits(texts: Iterable[str], option: str, parse: Callable[[str], T]) -> TargetLimits[T]:
    """Reads `[PATTERN=]VALUE`s. Raises ConfigError."""
    return TargetLimits([_rule(text, option, parse) for text in texts])


def _rule(text: str, option: str, parse: Callable[[str], T]) -> tuple[Pattern | None, T]:
    pattern, equals, value = text.rpartition("=")
    try:
        return (Pattern.parse(pattern, option) if equals else None), parse(value.strip())
    except ValueError as error:
        raise ConfigError(f"{option} {text}: {error}") from error


def parse_rate(text: str) -> int:
    """Reads a rate, such as `10/s`, `0.5/s`, `100/m`; returns the nanoseconds from one to the
    next, 0 for a rate of 0: no limit. Raises ValueError.
    """
    count, _, unit = text.partition("/")
    try:
        number = float(count)
        each = _UNITS[unit]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{text!r} is not a rate; write replays a second, minute or hour: 10/s, 30/m"
        ) from error
    if not 0 <= number <= MAX_RATE:
        raise ValueError(f"{text!r} is not from 0 (no limit) to {MAX_RATE}")
    return int(each / number) if number else 0


MAX_RATE = 1_000_000


def parse_count(text: str) -> int:
    """Reads a number of connections; 0: no limit. Raises ValueError."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ValueError(f"{text!r} is not a number of connections; 0 means no limit")
    return int(text)


class Breaker(NamedTuple):
    """When a target is left alone, and for how long."""

    failures: int
    """So many in a row; 0: never."""
    pause: int
    """Nanoseconds."""


NO_BREAKER = Breaker(0, 0)

_PAUSE = "30s"


def parse_breaker(text: str) -> Breaker:
    """Reads `N[:TIME]`, such as `5:30s`; 0: no breaker. Raises ValueError."""
    count, _, time = text.partition(":")
    if not (count.isascii() and count.isdigit()) or len(count) > 9:
        raise ValueError(
            f"{text!r} is no breaker; write failures in a row and a time, 5:30s, or 0 for none"
        )
    pause = int(parse_duration(time or _PAUSE) * SECOND)
    if not pause:
        raise ValueError(f"{text!r} leaves a target alone for no time at all; write 5:30s")
    return Breaker(int(count), pause) if int(count) else NO_BREAKER

"""What one scope, a batch or a session of it, has learnt: values that were carried, and cookies.

Scopes are told of answers in the order of the capture. The same answers teach the same, so one
that was lost with the daemon is made again from those that the journal has.
"""

from collections.abc import Sequence
from itertools import zip_longest

from replayd.live.editing import Edited, cookies_of, edited, where_of
from replayd.live.jar import Jar
from replayd.live.sources import MIN_VALUE, finder
from replayd.live.values import Values
from replayd.model.flow import Headers
from replayd.model.outcome import LiveValue
from replayd.model.plan import Plan


class Scope:
    """Live values that some replays share."""

    def __init__(self) -> None:
        self._values = Values()
        self._jar = Jar()

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        return self._values.size + self._jar.size

    def edited(self, plan: Plan, content: bytes | None, now: float) -> Edited:
        """Returns a planned request with the values of now (seconds since the epoch)."""
        assert plan.live is not None
        if not plan.live.sticky_cookies:
            return edited(plan, content, self._values, None, now)
        live = plan.live._replace(cookies=cookies_of(plan))
        return edited(plan._replace(live=live), content, self._values, self._jar, now)

    def learn(
        self, plan: Plan, headers: Headers, carried: Sequence[LiveValue], now: float
    ) -> tuple[LiveValue, ...]:
        """Takes what an answer with these fields gave: the values that `found` found, and its
        cookies. Returns all of it.
        """
        live = plan.live
        assert live is not None
        for each in carried:
            if each.value:
                self._values.put(*each)
        if not live.sticky_cookies:
            return tuple(carried)
        answered = [value for name, value in headers if name.lower() == b"set-cookie"]
        if not answered and not live.recorded_set_cookies:
            return tuple(carried)
        cookies = cookies_of(plan) if live.cookies is None else live.cookies
        learnt = self._jar.learn(where_of(plan), cookies, live.recorded_set_cookies, answered, now)
        return (*carried, *learnt)


def sources_of(plan: Plan) -> tuple[str, ...]:
    """Returns where values are to be looked for in the answer to a request."""
    assert plan.live is not None
    return tuple(dict.fromkeys(each.source for each in plan.live.recorded_values))


def looked_through(sources: Sequence[str], headers: Headers, content: bytes) -> list[list[bytes]]:
    """Returns what an answer has at each of these sources; `content`: unpacked."""
    return [finder(source).find(headers, content) for source in sources]


def found(plan: Plan, answered: Sequence[Sequence[bytes]]) -> tuple[LiveValue, ...]:
    """Returns each recorded value with what takes its place, or nothing; `answered`: what the
    answer has at each of the plan's sources.
    """
    live = plan.live
    assert live is not None
    pairs: list[LiveValue] = []
    for source, values in zip(sources_of(plan), answered, strict=True):
        recorded = [each.value for each in live.recorded_values if each.source == source]
        pairs += [
            LiveValue(source, old, new)
            for old, new in zip_longest(recorded, values[: len(recorded)], fillvalue=b"")
            if len(old) >= MIN_VALUE
        ]
    return tuple(pairs)

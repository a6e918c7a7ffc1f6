"""What a recorded answer holds that later requests may depend on: found when its flow is taken in,
and kept with its plan.
"""

from collections.abc import Sequence

from replayd.codings import unpacked
from replayd.live.sources import CONTENT_LIMIT, MIN_VALUE, Finder
from replayd.live.sources import finder as finder_of
from replayd.model.flow import Flow
from replayd.model.plan import LivePlan, RecordedValue


class Recorded:
    """Looks through the recorded answers of one batch."""

    def __init__(self, sources: Sequence[str], *, sticky_cookies: bool) -> None:
        """Raises ValueError, its text saying why, when a source is none."""
        self._finders: list[tuple[str, Finder]] = [
            (source, finder_of(source)) for source in dict.fromkeys(sources)
        ]
        self._sticky = sticky_cookies
        self.missing = {source: None for source, _ in self._finders}
        """Sources of which no answer so far had a value that can be carried."""

    def plan(self, flow: Flow) -> LivePlan:
        """Returns what is to be known of a flow."""
        response = flow.response
        if response is None:
            return LivePlan(self._sticky)
        content = unpacked(
            (response.content or b"")[:CONTENT_LIMIT], response.headers, CONTENT_LIMIT
        )
        values = [
            RecordedValue(source, value)
            for source, finder in self._finders
            for value in finder.find(response.headers, content)
        ]
        for source, value in values:
            if len(value) >= MIN_VALUE:
                self.missing.pop(source, None)
        cookies = [value for name, value in response.headers if name.lower() == b"set-cookie"]
        return LivePlan(
            self._sticky,
            tuple(values) if any(len(each.value) >= MIN_VALUE for each in values) else (),
            tuple(cookies) if self._sticky else (),
        )

"""Live values among the options of an Enqueue: what the replayed server answers, in the place of
what was recorded. Pure.
"""

from collections.abc import Iterable
from typing import TypedDict

from flowreplay.v1.replay_pb2 import EnqueueOptions, LiveScope

LIVE_SCOPES = {
    "batch": LiveScope.LIVE_SCOPE_BATCH,
    "session": LiveScope.LIVE_SCOPE_SESSION,
}
"""Who shares live values, by the words that people say."""


class LiveSettings(TypedDict, total=False):
    """What of answers later requests are sent with."""

    sticky_cookies: bool
    """Send the cookies that the replayed server sets, in the place of recorded ones."""
    carry: Iterable[str]
    """Where answers have values that later requests depend on: `json:$.token`,
    `header:X-CSRF-Token`, `regex:name="csrf" value="([^"]+)"`. The replayed answer's takes the
    place of the recorded one's."""
    live_scope: str
    """Who shares those values and cookies: `batch` or `session`; empty: batch."""


def fill_live(options: EnqueueOptions, settings: LiveSettings) -> None:
    """Sets the options of an Enqueue; raises ValueError for what makes no sense in them."""
    scope = settings.get("live_scope", "")
    if scope and scope not in LIVE_SCOPES:
        raise ValueError(f"{scope!r} is no scope of live values; use {', '.join(LIVE_SCOPES)}")
    options.sticky_cookies = settings.get("sticky_cookies", False)
    options.carry.extend(settings.get("carry", ()))
    options.live_scope = LIVE_SCOPES.get(scope, LiveScope.LIVE_SCOPE_UNSPECIFIED)

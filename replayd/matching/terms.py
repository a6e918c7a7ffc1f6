"""What a filter's terms ask of a replay, told from its text. Pure."""

import re

from replayd.filters import FilterError

_TERM = re.compile(r"~\s*([A-Za-z]+)")
_ABOUT_REQUESTS = frozenset({"b", "bq", "d", "h", "hq", "t", "tq", "websocket"})
"""Terms that ask for more of a request than its method and its URL."""
_UNTOLD = frozenset({"comment", "marked", "marker"})
"""Terms about what events do not tell."""


def needs_request(text: str) -> bool:
    """Tells whether a filter may ask for more of a request than every event has of it.

    Raises FilterError when it asks for what no event tells.
    """
    for found in _TERM.finditer(text):
        if found[1] in _UNTOLD:
            raise FilterError(f"events do not tell what ~{found[1]} is about", found.start())
    return any(found[1] in _ABOUT_REQUESTS for found in _TERM.finditer(text))

"""The values that one scope carries: which recorded value has become which, and a text with the
recorded ones replaced.
"""

import json
import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote_from_bytes

MAX_VALUES = 1000
"""Values that are kept; then the one that was carried first goes."""

_CORE = re.compile(rb"[0-9A-Za-z]+")
"""What no encoding changes."""

_BEGINS = (
    rb"(?:(?<![0-9A-Za-z_])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])"
    rb"|(?<=\\u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f])|(?<=\\[bfnrt]))"
)
"""Where a value may begin that begins with a letter or digit: not within a longer word, but after
what an encoding has put there."""
_ENDS = rb"(?![0-9A-Za-z_])"


class Form(Enum):
    """How a text is written."""

    PLAIN = 1
    URL = 2
    """Percent-encoded: a request target, or the content of a form."""
    JSON = 3


class _Carried(NamedTuple):
    live: bytes
    source: str
    core: bytes


class Values:
    """Values of one scope."""

    def __init__(self) -> None:
        self._carried: dict[bytes, _Carried] = {}
        """By recorded value, in the order in which they were put there."""
        self.size = 0
        """About how many bytes it holds."""

    def __bool__(self) -> bool:
        return bool(self._carried)

    def put(self, source: str, recorded: bytes, live: bytes) -> None:
        """Has a value stand for a recorded one from now on."""
        self._forget(recorded)
        core = max(_CORE.findall(recorded), key=len, default=b"")
        self._carried[recorded] = _Carried(live, source, core)
        self.size += len(recorded) + len(live)
        if len(self._carried) > MAX_VALUES:
            self._forget(next(iter(self._carried)))

    def replaced(self, text: bytes, form: Form) -> tuple[bytes, list[str]]:
        """Returns a text with the values of now, all at once, and from where those are."""
        held = [
            recorded
            for recorded, (live, _, core) in self._carried.items()
            if core in text and live != recorded
        ]
        if not held:
            return text, []
        # The longest first: one may begin another.
        held.sort(key=len, reverse=True)
        sources: dict[str, None] = {}

        def live_of(match: re.Match[bytes]) -> bytes:
            assert match.lastindex is not None
            recorded = held[match.lastindex - 1]
            carried = self._carried[recorded]
            sources[carried.source] = None
            return _written(carried.live, recorded, match[0], form)

        return _pattern(tuple(held)).sub(live_of, text), list(sources)

    def _forget(self, recorded: bytes) -> None:
        known = self._carried.pop(recorded, None)
        if known is not None:
            self.size -= len(recorded) + len(known.live)


@lru_cache(maxsize=256)
def _pattern(recorded: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Finds values, each a group, in any encoding that requests have."""
    return re.compile(b"|".join(b"(%b)" % _expression(value) for value in recorded))


def _expression(value: bytes) -> bytes:
    begins = _BEGINS if _CORE.match(value) else b""
    ends = _ENDS if _CORE.match(value[-1:]) else b""
    return begins + b"".join(map(_octet, value)) + ends


def _octet(octet: int) -> bytes:
    character = bytes((octet,))
    if _CORE.match(character):
        return character
    # The encoded forms come first: of `%25` the plain one would leave something behind.
    forms = [b"%%(?i:%02x)" % octet]
    if octet < 0x80:
        forms.append(rb"\\u00(?i:%02x)" % octet)
    if character in b'"\\/':
        forms.append(re.escape(b"\\" + character))
    if character == b" ":
        forms.append(rb"\+")
    forms.append(re.escape(character))
    return b"(?:%b)" % b"|".join(forms)


def _written(live: bytes, recorded: bytes, found: bytes, form: Form) -> bytes:
    """Writes a value as the recorded one was written where it stood."""
    if found != recorded and b"%" in found:
        return _percent_encoded(live, b"", found)
    if found != recorded and b"\\" in found:
        return _json_escaped(live, found)
    if form is Form.URL:
        return _percent_encoded(live, recorded, found)
    return _json_escaped(live, found) if form is Form.JSON else live


def _percent_encoded(value: bytes, safe: bytes, found: bytes) -> bytes:
    """`safe`: what may stand as it is, because it did."""
    kept = bytes(octet for octet in safe if octet < 0x80 and octet not in b"% ")
    encoded = quote_from_bytes(value, safe=kept)
    if found != found.upper() and re.search(rb"%(?:[0-9][a-f]|[a-f][0-9a-f])", found):
        encoded = re.sub("%..", lambda each: each[0].lower(), encoded)
    return encoded.encode()


def _json_escaped(value: bytes, found: bytes) -> bytes:
    text = value.decode("utf-8", "surrogateescape")
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    if rb"\/" in found:
        escaped = escaped.replace("/", r"\/")
    return escaped.encode("utf-8", "surrogateescape")

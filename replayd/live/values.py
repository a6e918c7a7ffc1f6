"""The values that one scope carries: which recorded value has become which, and a text with the
recorded ones replaced.
"""

import json
import re
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

MAX_VALUES = 1000
"""Values that are kept; then the one that was carried first goes."""

MAX_HELD = 64 * 1024
"""Bytes of recorded values that are looked for in one request: making an expression of them takes
half a second at the worst, once for those that are the same."""

_CORE = re.compile(rb"[0-9A-Za-z]+")
"""What no encoding changes."""

_ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\.", re.DOTALL)

_FEW = 64
"""So many are looked for one by one; of more, the text's words are looked up."""

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
    words: tuple[bytes, ...]
    """What a text must hold that holds the value, however it is written: the one to look for
    first is the first."""


class Values:
    """Values of one scope."""

    def __init__(self) -> None:
        self._carried: dict[bytes, _Carried] = {}
        """By recorded value, in the order in which they were put there."""
        self._cores: dict[bytes, list[bytes]] = {}
        """Recorded values by their first word."""
        self.size = 0
        """About how many bytes it holds."""

    def put(self, source: str, recorded: bytes, live: bytes) -> None:
        """Has a value stand for a recorded one from now on."""
        self._forget(recorded)
        # Numbers tell more of one thing than words do.
        words = sorted(_words(recorded), key=lambda word: (word.isalpha(), -len(word))) or [b""]
        self._carried[recorded] = _Carried(live, source, tuple(words))
        self._cores.setdefault(words[0], []).append(recorded)
        self.size += len(recorded) + len(live)
        if len(self._carried) > MAX_VALUES:
            self._forget(next(iter(self._carried)))

    def held_in(self, text: bytes) -> tuple[bytes, ...]:
        """Returns the recorded values that a text, or a part of it, may hold: the longest first,
        for one may begin another.
        """
        if not self._cores:
            return ()
        cores = self._cores
        if len(cores) <= _FEW:
            found = [core for core in cores if core in text]
        else:
            found = [word for word in {*_words(text), b""} if word in cores]
        held = [each for core in found for each in cores[core] if self._may_stand_in(text, each)]
        if sum(map(len, held)) > MAX_HELD:
            held = _first_of(sorted(held, key=len), MAX_HELD)
        return tuple(sorted(held, key=len, reverse=True))

    def replaced(self, text: bytes, form: Form, held: tuple[bytes, ...]) -> tuple[bytes, list[str]]:
        """Returns a text with the values of now, all at once, and from where those are; `held`:
        as of a text that this is a part of.
        """
        found = [each for each in held if self._may_stand_in(text, each)]
        here = tuple(sorted(found, key=_begins_as_a_word, reverse=True))
        if not here:
            return text, []
        sources: dict[str, None] = {}

        def live_of(match: re.Match[bytes]) -> bytes:
            assert match.lastindex is not None
            recorded = here[match.lastindex - 1]
            carried = self._carried[recorded]
            sources[carried.source] = None
            return _written(carried.live, recorded, match[0], form)

        return _pattern(here).sub(live_of, text), list(sources)

    def _may_stand_in(self, text: bytes, recorded: bytes) -> bool:
        live, _, words = self._carried[recorded]
        return live != recorded and all(word in text for word in words)

    def _forget(self, recorded: bytes) -> None:
        known = self._carried.pop(recorded, None)
        if known is not None:
            self.size -= len(recorded) + len(known.live)
            others = self._cores[known.words[0]]
            others.remove(recorded)
            if not others:
                del self._cores[known.words[0]]


def _first_of(values: list[bytes], size: int) -> list[bytes]:
    """Returns those of the first values that have so many bytes together."""
    ends = accumulate(map(len, values))
    return [value for value, end in zip(values, ends, strict=True) if end <= size]


def _words(text: bytes) -> list[bytes]:
    """Returns what stands between all that encodings may have put there."""
    return _CORE.findall(_ESCAPED.sub(b" ", text))


@lru_cache(maxsize=256)
def _pattern(recorded: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Finds values in any encoding that requests have; each ends with a group. Those that begin
    as words come first: where one may begin is looked at once for all of them.
    """
    words = [value for value in recorded if _begins_as_a_word(value)]
    kinds = [(_BEGINS, words), (b"", recorded[len(words) :])]
    return re.compile(
        b"|".join(
            b"%b(?:%b)" % (begins, b"|".join(map(_expression, values)))
            for begins, values in kinds
            if values
        )
    )


def _begins_as_a_word(value: bytes) -> bool:
    return _CORE.match(value) is not None


def _expression(value: bytes) -> bytes:
    # The group stands last: an expression that begins with a letter is passed over fastest.
    ends = _ENDS if _CORE.match(value[-1:]) else b""
    return b"".join(map(_octet, value)) + ends + b"()"


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
    if found != recorded:
        unquoted = {unquote_to_bytes(found), unquote_to_bytes(found.replace(b"+", b" "))}
        if b"\\" not in found or recorded in unquoted:
            return _percent_encoded(live, b"", found)
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

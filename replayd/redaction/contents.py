"""Secrets in contents and texts: the value that follows a key, in JSON, XML, forms, HTML and
whatever else writes one after the other.

No parser: what is shown may be cut, damaged, or in no language at all. A key is found by the
words of `names`, and its value by what stands between the two.
"""

import re
from collections.abc import Iterable, Iterator

from replayd.redaction.marks import PATTERN, Marks
from replayd.redaction.names import NUMBERS, Names

MOST_KEYS, MOST_PLACES = 512, 2048
"""A content that has more secrets, or more of what may be one, is not worth the time: it is
not shown.
"""

_KEY = re.compile(rb"[\w.\-\[\]%$]{0,64}")
_KEY_START = re.compile(rb"[\w.\-\[\]%$]{0,64}\Z")

_SEPARATOR = rb"""\\{0,8}["']?\s{0,16}(?:=>|[:=]|%3[aAdD])\s{0,16}"""
_VALUE = re.compile(
    _SEPARATOR
    + rb"""(?:
        "(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+\\?)
      | '(?P<single>[^'\\]*+(?:\\.[^'\\]*+)*+\\?)
      | (?P<quote>\\+["'])(?P<escaped>.*?)(?=(?<!\\)(?P=quote)|\Z)
      | \[(?P<list>[^\[\]{}]*+)
      | (?P<bare>"""
    + PATTERN.replace(b" ", rb"\ ")
    + rb"""|[^\s&;,"'<>{}\[\]()]++)
    )""",
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(_SEPARATOR + rb"""["']?(?P<line>[^\r\n"'\\]*+)""")
"""A header field in a text: its value is the rest of the line."""
_ELEMENT = re.compile(
    rb"(?:\s[^<>]{0,256})?>\s{0,16}(?:<!\[CDATA\[(?P<data>.*?)(?=\]\]>|\Z)|(?P<text>[^<]*+))",
    re.DOTALL,
)
_PART = re.compile(
    rb""""[^\r\n]{0,128}\r?\n(?:[^\r\n]{1,128}\r?\n){0,4}\r?\n(?P<part>.*?)(?=\r?\n--|\Z)""",
    re.DOTALL,
)
"""Of a multipart form (RFC 7578)."""
_INPUT = re.compile(rb"""["']\s[^<>]{0,160}?\bvalue\s?=\s?["']?(?P<input>[^"'<>]*+)""")
"""Of an HTML form."""
_KEY_BLOCK = re.compile(rb"-----(?P<block>.*?)(?=-----|\Z)", re.DOTALL)
"""Of a private key (RFC 7468)."""
_WAYS = (_VALUE, _PART, _INPUT)

_CONSTANTS = frozenset((b"true", b"false", b"null", b"none", b"undefined"))
_NUMBER = re.compile(rb"-?\d{1,15}(?:\.\d+)?")

_AUTHORITY = re.compile(rb"(?<=://)[^/?#@\s\"'<>]{1,512}(?=@)")
_BEARER = re.compile(rb"\b(?:bearer|basic|negotiate|ntlm)\s+(?=[^\s]{8})([\w\-.~+/=]+)", re.I)
_JWT = re.compile(rb"\beyJ[\w\-]{6,}\.[\w\-]{4,}(?:\.[\w\-]*)?")


def redact_content(
    content: bytes, triggers: Iterable[bytes], names: Names, mark: Marks
) -> bytes | None:
    """Returns a content as it may be shown, the same when that is all of it; None: it has too
    much that may be a key. `triggers`: what `names` has of words without which there is none.
    """
    # What stands between a key and its value, or begins a private key.
    if not (
        b'"' in content or b":" in content or b"=" in content or b"<" in content or b"-" in content
    ):
        return content
    lower = content.lower()
    for word in triggers:
        if word in lower:
            break
    else:
        return content
    return _redact(content, lower, triggers, names, mark)


def redact_text(text: bytes, names: Names, mark: Marks) -> bytes:
    """Does the same for a message for people: it may quote anything, URLs and heads too."""
    shown = redact_content(text, names.request_triggers, names, mark)
    if shown is None:
        return mark(text)
    shown = _AUTHORITY.sub(lambda found: mark(found[0]), shown)
    shown = _BEARER.sub(lambda found: found[0].removesuffix(found[1]) + mark(found[1]), shown)
    return _JWT.sub(lambda found: mark(found[0]), shown)


def _redact(
    content: bytes, lower: bytes, triggers: Iterable[bytes], names: Names, mark: Marks
) -> bytes | None:
    places = sorted(place for word in triggers for place in _places(word, lower))
    if len(places) > MOST_PLACES:
        return None
    pieces: list[bytes] = []
    end = 0
    for place in places:
        if place < end:
            continue
        found = _value(content, lower, place, names)
        if found is None or found[0] < end:
            continue
        start, stop, quoted = found
        hidden = mark(content[start:stop])
        pieces += (content[end:start], b'"%b"' % hidden if quoted and hidden else hidden)
        end = stop
        if len(pieces) > 2 * MOST_KEYS:
            return None
    return b"".join((*pieces, content[end:])) if pieces else content


def _places(word: bytes, lower: bytes) -> Iterator[int]:
    """Where a word stands, as far as that is worth the time."""
    place = lower.find(word)
    for _ in range(MOST_PLACES + 1):
        if place < 0:
            return
        yield place
        place = lower.find(word, place + len(word))


def _value(content: bytes, lower: bytes, place: int, names: Names) -> tuple[int, int, bool] | None:
    """Returns from where to where the value stands of the key that has a word at `place`, and
    whether its mark needs quotes; None: it is no secret's key.
    """
    before = _KEY_START.search(lower, max(place - 64, 0), place)
    after = _KEY.match(lower, place)
    start, end = before.start() if before else place, after.end() if after else place
    block = content.find(b"-----", place, end)
    if block >= 0 and b"private key" in lower[max(place - 8, 0) : block]:
        return _span(_KEY_BLOCK.match(content, block))
    name = lower[start:end]
    if not names.is_secret(name):
        return None
    if b"authorization" in name or b"cookie" in name:
        found = _VALUE.match(content, end)
        if found is None or found.lastgroup == "bare":
            return _span(_LINE.match(content, end))
        return _span(found)
    for way in _WAYS:
        found = way.match(content, end)
        if found is not None:
            break
    else:
        # Looked at first: what follows the end of an element may be looked through to the
        # content's end, for each that ends.
        found = None if _closes(content, start) else _ELEMENT.match(content, end)
    if found is None:
        return None
    value = found[found.lastgroup or 0]
    if found.lastgroup == "bare" and _harmless(name, value.lower()):
        return None
    return _span(found)


def _span(found: re.Match[bytes] | None) -> tuple[int, int, bool] | None:
    if found is None:
        return None
    group = found.lastgroup or 0
    return (*found.span(group), group == "list")


def _harmless(name: bytes, value: bytes) -> bool:
    """Tells whether a value without quotes says nothing that opens anything."""
    if value in _CONSTANTS:
        return True
    return _NUMBER.fullmatch(value) is not None and not any(word in name for word in NUMBERS)


def _closes(content: bytes, name: int) -> bool:
    """Tells whether the name of an element, with its prefix, ends it."""
    opened = content.rfind(b"<", max(name - 64, 0), name)
    return opened >= 0 and content[opened + 1 : opened + 2] == b"/"

"""What changes with every answer and says nothing about whether it is the same one: in values.
Which fields do is in `counted`.
"""

import re
from collections.abc import Iterable

_UUID = r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
_ULID = r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b"
_TRACE = r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b"
_ISO = (
    r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
    r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
)
_DAY = r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\s"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = (
    _DAY
    + rf"(?:\d{{1,2}}[\s-]{_MONTH}[\s-]\d{{2,4}}\s\d{{2}}:\d{{2}}:\d{{2}}"
    + rf"|{_MONTH}\s+\d{{1,2}}\s\d{{2}}:\d{{2}}:\d{{2}}(?:\s[A-Z]{{3,4}})?\s\d{{4}})"
    + r"(?:\s(?:GMT|UTC|[+-]\d{4}))?"
)
_NONCE = r"""\bnonce(?:="[^"]{1,256}"|-[\w+/=-]{8,256})"""
_FORM = (
    r"""\bname=["'](?:csrf|_csrf|xsrf|csrf[-_]?token|_?csrfmiddlewaretoken|_token"""
    r"""|csrf-param|authenticity_token|__RequestVerificationToken|__VIEWSTATE)["']"""
    r"""[^<>]{0,160}?\b(?:value|content)=["'][^"']{0,4096}"""
)

_TEXT = re.compile(
    f"(?P<uuid>{_UUID})|(?P<trace>{_TRACE})|(?P<time>{_ISO}|{_DATE})|(?P<ulid>{_ULID})"
    f"|(?P<nonce>{_NONCE})|(?P<form>{_FORM})"
)

_IDS = frozenset(
    (
        b"requestid reqid traceid spanid correlationid transactionid xrequestid nonce csrf "
        b"csrftoken xsrftoken authenticitytoken"
    )
    .decode()
    .split()
)
"""Keys, without what parts their words, whose values are new with every answer."""
_TIMES = re.compile(
    r"(?:^|[_\-.])(?:time|timestamp|ts|date|at|on|exp|iat|nbf|expires|expiry|now|epoch|millis)"
    r"(?:[_\-.](?:ms|s|us|ns))?$"
    r"|(?:Time|Timestamp|Date|At|Expires|Expiry|Millis|Ms)$|timestamp$",
    re.ASCII,
)
_PARTS = re.compile(r"[^a-z0-9]")
_FIRST, _LAST = 1_000_000_000, 4_102_444_800
"""Seconds since the epoch: 2001 to 2099."""


def masked(text: str, patterns: Iterable[re.Pattern[str]] = (), *, volatile: bool = True) -> str:
    """Returns a text with marks in the place of what changes with every answer, and of what the
    patterns find.
    """
    for pattern in patterns:
        text = pattern.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}left out", text)
    if volatile:
        text = _TEXT.sub(_mark, text)
    return text


def _mark(found: re.Match[str]) -> str:
    return f"\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}{found.lastgroup}"


def is_id(key: str) -> bool:
    """Tells whether a JSON key names an id of this one request."""
    return len(key) <= 32 and _PARTS.sub("", key.lower()) in _IDS


def is_moment(key: str, number: object) -> bool:
    """Tells whether a number is a moment: its key says so, and it is one of this century in
    seconds, milli-, micro- or nanoseconds.
    """
    if not isinstance(number, int) or not _TIMES.search(key):
        return False
    return any(_FIRST * unit <= number < _LAST * unit for unit in (1, 10**3, 10**6, 10**9))

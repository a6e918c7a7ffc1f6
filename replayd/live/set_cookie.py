"""Cookies as servers set them, and which request they are for (RFC 6265 section 5)."""

import re
from calendar import timegm
from typing import NamedTuple

MAX_BYTES = 4096
"""Of a cookie's name and value together: what browsers take."""

_LOOPBACK = re.compile(r"(?:.*\.)?localhost\.?|127(?:\.\d+){3}|::1")
"""As safe as TLS to browsers (RFC 6265bis section 5.8.3)."""

_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DELIMITERS = re.compile(r"[\t -/;-@\[-`{-~]+")


class Cookie(NamedTuple):
    """A cookie that a server set."""

    name: bytes
    value: bytes
    domain: str
    """Lower-case, without a dot in front."""
    host_only: bool
    path: bytes
    secure: bool
    expires: float | None
    """Seconds since the epoch; None: with the session."""

    def is_for(self, host: str, path: bytes, *, secure: bool) -> bool:
        """Tells whether a request carries it; `path` is without a query."""
        if self.domain != host and (self.host_only or not _is_within(host, self.domain)):
            return False
        if self.secure and not secure and not _LOOPBACK.fullmatch(host):
            return False
        return _path_matches(path, self.path)

    def has_expired(self, now: float) -> bool:
        """Tells whether it is over."""
        return self.expires is not None and self.expires <= now


def parse_set_cookie(field: bytes, host: str, path: bytes, now: float) -> Cookie | None:
    """Reads a Set-Cookie field of an answer to a request to this (lower-case) host and path;
    None: a browser would not take it. One that deletes has expired.
    """
    pair, *attributes = field.split(b";")
    name, equals, value = (part.strip(b" \t") for part in pair.partition(b"="))
    if not equals:
        name, value = b"", name
    if not (name or value) or len(name) + len(value) > MAX_BYTES or _has_controls(pair):
        return None
    said: dict[bytes, bytes] = {}
    for attribute in attributes:
        key, _, text = attribute.partition(b"=")
        # The last one of a name counts; an Expires or Max-Age that can't be read does not.
        key, text = key.strip(b" \t").lower(), text.strip(b" \t")
        if key == b"max-age" and not re.fullmatch(rb"-?\d{1,18}", text):
            continue
        if key == b"expires" and _date(text) is None:
            continue
        said[key] = text
    domain = said.get(b"domain", b"").decode("latin-1").lower().removeprefix(".")
    if domain and domain != host and not _is_within(host, domain):
        return None
    return Cookie(
        name,
        value,
        domain or host,
        not domain,
        said[b"path"] if said.get(b"path", b"").startswith(b"/") else _default_path(path),
        b"secure" in said,
        _expiry(said, now),
    )


def pair_of(field: bytes) -> tuple[bytes, bytes]:
    """Returns the name and the value of a Set-Cookie field."""
    name, equals, value = field.partition(b";")[0].partition(b"=")
    return (name.strip(b" \t"), value.strip(b" \t")) if equals else (b"", name.strip(b" \t"))


def _expiry(said: dict[bytes, bytes], now: float) -> float | None:
    if b"max-age" in said:
        seconds = int(said[b"max-age"])
        return now + seconds if seconds > 0 else 0
    return _date(said[b"expires"]) if b"expires" in said else None


def _date(text: bytes) -> float | None:
    """Reads a date as browsers do (RFC 6265 section 5.1.1); None: it is none."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in _DELIMITERS.split(text.decode("latin-1")):
        if time is None and (found := _TIME.match(token)):
            time = tuple(map(int, found.groups()))
        elif day is None and (found := re.match(r"\d{1,2}(?!\d)", token)):
            day = int(found[0])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := re.match(r"\d{2,4}(?!\d)", token)):
            year = int(found[0])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    hours, minutes, seconds = time
    if year < 1601 or not 1 <= day <= 31 or hours > 23 or minutes > 59 or seconds > 59:
        return None
    return timegm((year, month, day, hours, minutes, seconds))


def _is_within(host: str, domain: str) -> bool:
    """Domain-matches, but for equals (RFC 6265 section 5.1.3); no address does."""
    return (
        host.endswith(f".{domain}")
        and ":" not in host
        and re.fullmatch(r"\d+(?:\.\d+){3}", host) is None
    )


def _path_matches(path: bytes, cookie_path: bytes) -> bool:
    """RFC 6265 section 5.1.4."""
    if not path.startswith(cookie_path):
        return False
    return cookie_path.endswith(b"/") or path[len(cookie_path) :][:1] in (b"", b"/")


def _default_path(path: bytes) -> bytes:
    if not path.startswith(b"/"):
        return b"/"
    return path[: path.rindex(b"/")] or b"/"


def _has_controls(pair: bytes) -> bool:
    return any(octet < 0x20 or octet == 0x7F for octet in pair.replace(b"\t", b""))

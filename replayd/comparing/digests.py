"""Tells most equal responses at once: by a digest of all that counts of one.

Two responses with the same digest are equal; two with different ones may be, too. The
recorded one's is made when its flow is taken in, and travels with the plan.
"""

from hashlib import blake2b

from replayd.comparing.counted import UNCOUNTED, cookie_without_value
from replayd.model.flow import Headers

SIZE = 8
"""Bytes of a digest."""

ANOTHER = b"\0"
"""In the place of one: whatever comes is to be looked into."""

LARGEST = 64 * 1024
"""Bytes of content up to which a digest is worth its time."""

_REMEMBERED, _REMEMBERED_BYTES = 4096, 64
_COOKIE = b"set-cookie"

_names: dict[bytes, bytes] = {}
"""A field's name as written -> in lower case; empty: it does not count."""


def digest_of(key: bytes, status_code: int, headers: Headers, content: bytes) -> bytes:
    """Makes a digest; `key`, of at most 64 bytes, keeps it from telling anything elsewhere."""
    parts = [b"%d" % status_code]
    known = _names
    for name, value in headers:
        counts = known.get(name)
        if counts is None:
            counts = _counts(name)
        if counts:
            parts.append(counts)
            parts.append(cookie_without_value(value) if counts == _COOKIE else value)
    parts.append(content)
    return blake2b(b"\r\n".join(parts), digest_size=SIZE, key=key).digest()


def _counts(name: bytes) -> bytes:
    lower = name.lower()
    counts = b"" if lower in UNCOUNTED else lower
    if len(name) <= _REMEMBERED_BYTES:
        if len(_names) >= _REMEMBERED:
            _names.clear()
        _names[name] = counts
    return counts

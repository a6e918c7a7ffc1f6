"""Contents as a HAR has them: decoded, as text where they are text, else as base64.

HAR 1.2 wants a response's content as it was before its content coding. gzip and deflate
are undone here, up to a limit that no hostile server can make us pass; what is in another
coding, or damaged, stands as it came, and its size says so.
"""

import zlib

from replayd.formats.header_fields import members_of
from replayd.formats.writers.json_pieces import Base64, LongText, Value, is_text
from replayd.model.flow import Headers

MAX_DECODED = 16 << 20
"""Bytes of a decoded content: larger ones stand as they came."""

_GZIP = 16 + zlib.MAX_WBITS
_WINDOWS = {b"gzip": (_GZIP,), b"x-gzip": (_GZIP,), b"deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}
"""RFC 9110 section 8.4.1; many servers mean a stream without zlib's frame by deflate."""


def text(content: bytes) -> dict[str, Value]:
    """Returns `text`, and `encoding` where it is not the text itself."""
    if is_text(content):
        return {"text": LongText(content)}
    return {"text": Base64(content), "encoding": "base64"}


def decoded(content: bytes, headers: Headers) -> bytes:
    """Returns a content as it was before its coding, as far as that can be undone."""
    codings = [each for each in members_of(headers, b"content-encoding") if each != b"identity"]
    if len(codings) == 1:
        for window in _WINDOWS.get(codings[0], ()):
            whole = _inflated(content, window)
            if whole is not None:
                return whole
    return content


def _inflated(content: bytes, window: int) -> bytes | None:
    inflater = zlib.decompressobj(window)
    try:
        whole = inflater.decompress(content, MAX_DECODED)
    except zlib.error:
        return None
    return whole if inflater.eof and not inflater.unused_data else None

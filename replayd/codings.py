"""Content codings (RFC 9110 section 8.4): what contents are packed with. Pure."""

import zlib

from replayd.model.flow import Headers

_WINDOW_BITS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}


def unpacked(content: bytes, headers: Headers, limit: int) -> bytes:
    """Returns at most `limit` bytes of a content without gzip or deflate, or the content as it
    is where it is packed with something else, or not at all.
    """
    codings = [value for name, value in headers if name.lower() == b"content-encoding"]
    bits = _WINDOW_BITS.get(codings[0].strip().lower()) if len(codings) == 1 else None
    if bits is None or not content:
        return content
    # Some send deflate without zlib's frame (RFC 9110 section 8.4.1.2).
    for window in (bits, -15) if bits == 15 else (bits,):
        try:
            return zlib.decompressobj(window).decompress(content, limit)
        except zlib.error:
            continue
    return content

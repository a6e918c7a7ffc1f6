"""Content codings (RFC 9110 section 8.4): what contents are packed with. Pure."""

import zlib
from typing import NamedTuple

from replayd.model.flow import Headers

_PLAIN = (b"", b"identity", b"none")
_WINDOW_BITS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_DEFLATE = 15
_RAW_DEFLATE = -15
"""Without zlib's frame: some send deflate so (RFC 9110 section 8.4.1.2)."""


class CodingError(ValueError):
    """Why a content can't be unpacked."""


class UnpackedTooLargeError(ValueError):
    """A content has more bytes than it may have, unpacked."""


class Packed(NamedTuple):
    """A whole content as it was before it was packed, and how it was."""

    plain: bytes
    window_bits: int
    """zlib's word for the coding; 0: none."""

    def again(self, plain: bytes) -> bytes:
        """Packs another content the same way."""
        if not self.window_bits:
            return plain
        packer = zlib.compressobj(wbits=self.window_bits)
        return packer.compress(plain) + packer.flush()


def unpacked(content: bytes, headers: Headers, limit: int) -> bytes:
    """Returns at most `limit` bytes of a content without gzip or deflate, or the content as it
    is where it is packed with something else, or not at all.
    """
    codings = [value for name, value in headers if name.lower() == b"content-encoding"]
    bits = _WINDOW_BITS.get(codings[0].strip().lower()) if len(codings) == 1 else None
    if bits is None or not content:
        return content
    for window in _windows(bits):
        try:
            return zlib.decompressobj(window).decompress(content, limit)
        except zlib.error:
            continue
    return content


def packed(content: bytes, headers: Headers, limit: int) -> Packed:
    """Unpacks all of a content, so that another one can be packed in its place; `limit`: bytes
    that it may have.

    Raises CodingError when it is damaged, or packed with something else than gzip or deflate,
    and UnpackedTooLargeError.
    """
    codings = [value for name, value in headers if name.lower() == b"content-encoding"]
    coding = b", ".join(codings).strip().lower()
    if coding in _PLAIN:
        return Packed(content, 0)
    bits = _WINDOW_BITS.get(coding)
    named = coding[:80].decode("latin-1")
    if bits is None:
        raise CodingError(
            f"its content has the Content-Encoding {named!r}, and only gzip and deflate can be "
            "decoded"
        )
    if not content:
        return Packed(b"", bits)
    for window in _windows(bits):
        plain = _inflated(content, window, limit)
        if plain is not None:
            return Packed(plain, window)
    raise CodingError(f"its content is damaged, or no {named} as its Content-Encoding says")


def _windows(bits: int) -> tuple[int, ...]:
    return (bits, _RAW_DEFLATE) if bits == _DEFLATE else (bits,)


def _inflated(content: bytes, window_bits: int, limit: int) -> bytes | None:
    """Unpacks a content, all parts of it (RFC 1952 section 2.2); None: it can't be."""
    plain: list[bytes] = []
    room = limit
    while content:
        unpacker = zlib.decompressobj(window_bits)
        try:
            part = unpacker.decompress(content, room + 1)
        except zlib.error:
            return None
        room -= len(part)
        if room < 0:
            raise UnpackedTooLargeError
        if not unpacker.eof:
            return None
        plain.append(part)
        content = unpacker.unused_data
    return b"".join(plain)

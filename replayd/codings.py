"""Content codings (RFC 9110 section 8.4): what contents are packed with, undone a piece after the
other. Pure.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from replayd.model.flow import Headers

MOST_AT_ONCE = 1 << 20
"""Bytes that a decoder gives in one part."""

MOST_CODINGS = 4

_ZSTD_PIECE = 256
_ZSTD_WINDOW = 8 << 20
"""What decoders of HTTP have to take, and may refuse more than (RFC 9659)."""

Decode = Callable[[bytes], Iterator[bytes]]
"""Takes the next piece, an empty one at the end; yields what it becomes. Raises CodingError."""

_PLAIN = (b"", b"identity", b"none")
_WINDOW_BITS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_DEFLATE = 15
_RAW_DEFLATE = -15
"""Without zlib's frame: some send deflate so (RFC 9110 section 8.4.1.2)."""


class CodingError(ValueError):
    """Why a content can't be unpacked: it is not what its coding says, or that is not known."""


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
    """Returns at most `limit` bytes of a content without its codings, or the content as it is where
    they are not known, or it is not packed with them.
    """
    try:
        decode = decoder_for(headers)
        if decode is None or not content:
            return content
        found = bytearray()
        for part in chain(decode(content), decode(b"")):
            found += part
            if len(found) >= limit:
                break
    except CodingError:
        return content
    return bytes(found[:limit])


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


def decoder_for(headers: Headers) -> Decode | None:
    """Makes what undoes the codings that fields tell; None: there are none. Raises CodingError: one
    is not known.
    """
    value = b",".join([value for name, value in headers if name.lower() == b"content-encoding"])
    if not value:
        return None
    told = value.decode("latin-1").lower().replace(" ", "").split(",")
    codings = [coding for coding in told if coding not in ("", "identity")]
    return decoder_of(reversed(codings)) if codings else None


def decoder_of(codings: Iterable[str]) -> Decode:
    """Makes what undoes codings, in this order. Raises CodingError: one is not known."""
    found = []
    for coding in codings:
        if coding not in _DECODERS:
            raise CodingError(f"its coding {coding[:40]!r} is not known")
        found.append(_DECODERS[coding]())
    if len(found) > MOST_CODINGS:
        raise CodingError(f"it has more than {MOST_CODINGS} codings")

    def decode(piece: bytes) -> Iterator[bytes]:
        return _through(found, piece)

    return decode


def _through(decoders: list[Decode], piece: bytes) -> Iterator[bytes]:
    if not decoders:
        yield piece
        return
    for part in decoders[0](piece):
        if part:
            yield from _through(decoders[1:], part)
    if not piece:
        yield from _through(decoders[1:], piece)


def _gzip() -> Decode:
    return _inflating(lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), members=True)


def _deflate() -> Decode:
    """With the wrapper of RFC 1950, or without, as some servers have it."""
    decode: Decode | None = None

    def either(piece: bytes) -> Iterator[bytes]:
        nonlocal decode
        if decode is None:
            wrapped = piece[:1] and piece[0] & 0x0F == 8 and not _checked(piece)
            bits = zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
            decode = _inflating(lambda: zlib.decompressobj(bits))
        yield from decode(piece)

    return either


def _checked(piece: bytes) -> int:
    """0 of a wrapper's first two bytes (RFC 1950 section 2.2)."""
    return int.from_bytes(piece[:2], "big") % 31 if len(piece) > 1 else 0


def _inflating(new: Callable[[], Any], *, members: bool = False) -> Decode:
    stream = new()

    def inflate(piece: bytes) -> Iterator[bytes]:
        nonlocal stream
        try:
            while piece:
                if stream.eof:
                    if not members:
                        return
                    stream = new()
                yield stream.decompress(piece, MOST_AT_ONCE)
                piece = stream.unconsumed_tail or stream.unused_data
        except zlib.error as error:
            raise CodingError(f"it can't be decoded: {error}") from error

    return inflate


def _brotli() -> Decode:
    # Imported here: few contents are encoded so.
    import brotli  # noqa: PLC0415

    stream = brotli.Decompressor()
    begun = False

    def decode(piece: bytes) -> Iterator[bytes]:
        nonlocal begun
        if not piece and not begun and not stream.is_finished():
            # What is in no such coding may look as if more had to come.
            raise CodingError("it can't be decoded: it ends before it has begun")
        try:
            part = stream.process(piece, output_buffer_limit=MOST_AT_ONCE)
            # It may hold back more than one part.
            while part:
                begun = True
                yield part
                part = stream.process(b"", output_buffer_limit=MOST_AT_ONCE)
        except brotli.error as error:
            raise CodingError(f"it can't be decoded: {error}") from error

    return decode


def _zstd() -> Decode:
    import zstandard  # noqa: PLC0415

    stream = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(
        read_across_frames=True
    )

    def decode(piece: bytes) -> Iterator[bytes]:
        try:
            # What a piece becomes has no limit, so pieces have: of each four bytes 128 KiB.
            for start in range(0, len(piece), _ZSTD_PIECE):
                yield stream.decompress(piece[start : start + _ZSTD_PIECE])
        except zstandard.ZstdError as error:
            raise CodingError(f"it can't be decoded: {error}") from error

    return decode


_DECODERS: dict[str, Callable[[], Decode]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}

"""Contents as they are compared: decoded (RFC 9110 section 8.4), with a digest, and whole as
long as they are not too large.

A capture may hold a content decoded already, under fields that still say how it was encoded:
what can't be decoded is taken as it is.
"""

from collections.abc import Iterable
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

from replayd.codings import CodingError, Decode, decoder_for
from replayd.model.flow import Headers

LOOKED_INTO = 1 << 20
"""Bytes of a content up to which it is looked into; of a larger one the digest is compared."""

MOST_DECODED = 256 << 20
"""Bytes that are decoded of one content: a little may become very much."""


class Gathered(NamedTuple):
    """A content."""

    size: int
    digest: bytes
    content: bytes | None
    """None: it is too large to be looked into."""
    note: str = ""
    """What stood in the way; empty: nothing did."""


class _Sum:
    """Adds pieces up."""

    def __init__(self) -> None:
        self._size = 0
        self._hash = blake2b(digest_size=16)
        self._held: list[bytes] | None = []

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        self._hash.update(piece)
        if self._size > LOOKED_INTO:
            self._held = None
        elif self._held is not None:
            self._held.append(piece)

    def gathered(self, note: str = "") -> Gathered:
        content = None if self._held is None else b"".join(self._held)
        return Gathered(self._size, self._hash.digest(), content, note)


def gather(pieces: Iterable[bytes], headers: Headers) -> Gathered:
    """Reads a content through."""
    as_sent = _Sum()
    decode: Decode | None = None
    note = ""
    try:
        decode = decoder_for(headers)
    except CodingError as error:
        note = str(error)
    decoded = _Sum() if decode is not None else None
    size = 0
    for piece in chain(filter(None, pieces), (b"",)):
        as_sent.add(piece)
        if decode is None or decoded is None:
            continue
        try:
            for part in decode(piece):
                size += len(part)
                if size > MOST_DECODED:
                    raise CodingError(f"it has more than {MOST_DECODED} bytes when decoded")
                decoded.add(part)
        except CodingError as error:
            # As in captures that have it decoded already; then nothing is amiss.
            decoded, note = None, str(error) if size else ""
    return as_sent.gathered(note) if decoded is None else decoded.gathered()

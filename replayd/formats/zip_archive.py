"""A zip archive's files, found one by one and unpacked one by one (PKWARE's APPNOTE 6.3).

Python's `zipfile` keeps close to a KiB for each file of an archive, and half a million
small ones are nothing unusual. Here nothing is kept: a file's entry is read anew from its
place in the archive's directory, which is all that a caller has to remember. Archives are
untrusted: every size is checked against what is there. Knows nothing of what the files mean.
"""

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple

_END = Struct("<4s8xIIH")
_END_64 = Struct("<4s36xQQ")
_LOCATOR_64 = Struct("<4s16x")
_ENTRY = Struct("<4s4xHH4xIIIHHH8xI")
_HEADER = Struct("<4s22xHH")
_EXTRA = Struct("<HH")
_VALUE_64 = Struct("<Q")
"""What is read of each record (APPNOTE 4.3.7, 4.3.12 to 4.3.16, 4.5)."""

_MAX_COMMENT = (1 << 16) - 1
_ELSEWHERE = (1 << 32) - 1
"""Stands for a size that the 64-bit extra field says (APPNOTE 4.5.3)."""
_EXTRA_64 = 1
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8
_PIECE = 1 << 18


class ZipError(Exception):
    """The archive, or a file of it, can't be read; the text says why."""


class Entry(NamedTuple):
    """What the directory says of a file."""

    place: int
    """Where the entry lies in the archive."""
    end: int
    name: str
    """What is not ASCII is replaced."""
    flags: int
    method: int
    checksum: int
    packed_size: int
    offset: int
    """Where the file lies in the archive."""


class ZipArchive:
    """An archive in a file of `size` bytes. Raises ZipError when it has no directory."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        tail_size = min(size, _END.size + _MAX_COMMENT)
        tail = self._at(size - tail_size, tail_size)
        found = tail.rfind(b"PK\x05\x06")
        if found < 0 or found + _END.size > len(tail):
            raise ZipError("it has no end")
        self._end = size - tail_size + found
        _, directory_size, offset, _ = _END.unpack_from(tail, found)
        before = self._end - _LOCATOR_64.size - _END_64.size
        if before >= 0 and self._at(self._end - _LOCATOR_64.size, 4) == b"PK\x06\x07":
            signature, directory_size, offset = _END_64.unpack(self._at(before, _END_64.size))
            if signature != b"PK\x06\x06":
                raise ZipError("its 64-bit end is missing")
            self._end = before
        self._start = self._end - directory_size
        # What stands before the archive, as in one that unpacks itself, moves all of it.
        self._shift = self._start - offset
        if self._start < 0 or self._shift < 0:
            raise ZipError("its directory is larger than what is there")

    def entries(self) -> Iterator[Entry]:
        """Yields the directory's entries. Raises ZipError."""
        place = self._start
        while place < self._end:
            entry = self.entry(place)
            yield entry
            place = entry.end

    def entry(self, place: int) -> Entry:
        """Reads the entry at a place. Raises ZipError."""
        fixed = self._at(place, _ENTRY.size)
        signature, flags, method, checksum, packed, size, *lengths, offset = _ENTRY.unpack(fixed)
        if signature != b"PK\x01\x02":
            raise ZipError("an entry does not begin as one")
        rest = self._file.read(sum(lengths))
        if len(rest) < sum(lengths):
            raise ZipError("an entry is cut off")
        name, extra = rest[: lengths[0]], rest[lengths[0] : lengths[0] + lengths[1]]
        _, packed, offset = _in_64_bits(extra, size, packed, offset)
        return Entry(
            place,
            place + _ENTRY.size + sum(lengths),
            name.decode("ascii", "replace"),
            flags,
            method,
            checksum,
            packed,
            offset + self._shift,
        )

    def read(self, entry: Entry, limit: int) -> bytes:
        """Returns a file, unpacked. Raises ZipError, also when it has more than `limit` bytes."""
        if entry.flags & _ENCRYPTED:
            raise ZipError(f"{entry.name} is protected by a password; save it without one")
        if entry.method not in (_STORED, _DEFLATED):
            raise ZipError(f"{entry.name} is packed in a way that is not read")
        try:
            data = b"".join(self._pieces(entry, limit))
        except (ZipError, zlib.error) as error:
            raise ZipError(f"{entry.name} is damaged ({error})") from None
        if len(data) > limit:
            raise ZipError(f"{entry.name} is larger than {limit} bytes")
        if zlib.crc32(data) != entry.checksum:
            raise ZipError(f"{entry.name} is damaged (Bad CRC-32)")
        return data

    def _pieces(self, entry: Entry, limit: int) -> Iterator[bytes]:
        """Yields a file in pieces, at most one byte more than the limit."""
        signature, *lengths = _HEADER.unpack(self._at(entry.offset, _HEADER.size))
        if signature != b"PK\x03\x04":
            raise ZipError("it does not begin as a file")
        self._file.seek(sum(lengths), 1)
        left, room = entry.packed_size, limit + 1
        inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == _DEFLATED else None
        while left and room:
            piece = self._file.read(min(left, _PIECE))
            if not piece:
                raise ZipError("the archive ends inside it")
            left -= len(piece)
            data = inflater.decompress(piece, room) if inflater else piece[:room]
            room -= len(data)
            yield data
        if inflater and room and not inflater.eof:
            raise ZipError("it ends before it is whole")

    def _at(self, offset: int, size: int) -> bytes:
        if offset < 0:
            raise ZipError("it speaks of a place before its beginning")
        # Before seeking: a place in 64 bits may be none that any file has.
        if offset + size > self._size:
            raise ZipError("it speaks of a place behind its end")
        self._file.seek(offset)
        return self._file.read(size)


def _in_64_bits(extra: bytes, *values: int) -> list[int]:
    """Puts in what the 64-bit extra field says instead of the values that point there."""
    said: list[int] = []
    at = 0
    while at + _EXTRA.size <= len(extra) and not said:
        kind, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size + size
        if kind == _EXTRA_64:
            whole = extra[at - size : at][: size // 8 * 8]
            said = [value for (value,) in _VALUE_64.iter_unpack(whole)]
    return [said.pop(0) if said and value == _ELSEWHERE else value for value in values]

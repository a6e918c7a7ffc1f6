"""Where the next record of a damaged stream of tnetstrings begins (its grammar: `tnetstring`).

There is no mark between records: one is found by what it begins with, by the tag that
stands where its length says, and by what it holds. Knows what a dictionary is and what
the caller says of its records, nothing of what they mean.
"""

import re
from typing import NamedTuple

from replayd.formats.streams import Source

_PIECE = 1 << 18
"""Bytes asked of the stream at once."""

_CONTEXT = 64
"""Bytes by which a record is told, with what must not stand before them; more than what it
holds has.
"""


class Signature(NamedTuple):
    """How the records of a stream, all of them dictionaries, are told."""

    begins: re.Pattern[bytes]
    """With its length, the pattern's first group; at most 48 bytes."""
    holds: re.Pattern[bytes]


class Search:
    """A search in `data` and what the stream has after it.

    `max_size` is the most bytes that a record may have.
    """

    def __init__(self, data: bytes, stream: Source, signature: Signature, max_size: int) -> None:
        self._stream = stream
        self._signature = signature
        self._max_size = max_size
        self.data = data
        self.skipped = 0
        """How many bytes lie before `data`."""
        self._clear = (0, 0)
        """Between these places begins nothing that a record holds."""

    def ended(self) -> bool:
        """Tells whether nothing follows."""
        return not self._reach(1)

    def begins_record(self) -> bool:
        """Tells whether `data` begins with a whole record."""
        self._reach(_CONTEXT)
        found = self._signature.begins.match(self.data)
        return found is not None and self._is_record(found)

    def find(self, start: int) -> bool:
        """Makes `data` begin with the next whole record from `start` on; False: there is none."""
        while True:
            found = self._signature.begins.search(self.data, start)
            if found is not None and self._is_record(found):
                self._drop(found.start())
                return True
            if found is not None:
                start = found.start() + 1
                continue
            # The end of what is here may be the beginning of one.
            start = max(start, len(self.data) - _CONTEXT)
            dropped = max(start - _CONTEXT, 0)
            self._drop(dropped)
            start -= dropped
            if not self._reach(len(self.data) + 1):
                return False

    def _is_record(self, found: re.Match[bytes]) -> bool:
        size = int(found[1])
        start = found.end(1) + 1
        end = start + size
        if size > self._max_size or not self._reach(end + 1):
            return False
        return self.data[end] == ord("}") and self._holds(start, end)

    def _holds(self, start: int, end: int) -> bool:
        """Tells whether what a record holds is there; looks at each byte once."""
        since, until = self._clear
        if not since <= start <= until:
            since = until = start
        found = self._signature.holds.search(self.data, until, end)
        self._clear = (since, found.start() if found else max(until, end - _CONTEXT))
        return found is not None

    def _reach(self, size: int) -> bool:
        """Reads on until there are `size` bytes; False when there are fewer."""
        if len(self.data) < size:
            pieces, have = [self.data], len(self.data)
            while have < size and (piece := self._stream.read(_PIECE)):
                pieces.append(piece)
                have += len(piece)
            self.data = b"".join(pieces)
        return len(self.data) >= size

    def _drop(self, size: int) -> None:
        self.data = self.data[size:]
        self.skipped += size
        self._clear = (0, 0)

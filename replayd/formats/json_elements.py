"""The elements of one list inside a JSON document, one in memory at a time.

Walks to the list by the names of the objects' members, cuts out each element's bytes and
steps over everything else, so that a document of any size is read in the memory of its
largest element. Cutting only looks at strings and brackets: what an element says, and
whether it is JSON (RFC 8259) at all, is for its reader. Every JsonError carries the exact
byte offset of what is wrong.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from replayd.formats.json_extent import Extent, Scalar, UnbalancedError
from replayd.formats.streams import Source

_PIECE = 1 << 18
"""Bytes asked of the stream at once."""

_MAX_NAME = 1 << 10
"""Bytes of a member's name, or of a number, in what is stepped through."""

_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"[ \t\r\n]*+")


class JsonError(Exception):
    """The document is not what it must be; `byte_offset` is where."""

    def __init__(self, message: str, byte_offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.byte_offset = byte_offset


class Element(NamedTuple):
    """An element of the list, not yet parsed."""

    offset: int
    """Where it begins in the stream."""
    data: bytearray


class Elements:
    """The elements of the list at `path`; iterate once. Raises JsonError.

    `max_size` is the most bytes that an element may have.
    """

    def __init__(self, stream: Source, path: Sequence[str], max_size: int) -> None:
        self._text = _Text(stream)
        self._path = path
        self._max_size = max_size
        self._found = False

    @property
    def offset(self) -> int:
        """How far the stream was read."""
        return self._text.offset

    def __iter__(self) -> Iterator[Element]:
        self._text.skip_mark()
        yield from self._members(0)
        text = self._text
        if text.peek(at_end=True):
            raise JsonError("something follows after the document's end", text.offset)
        if not self._found:
            raise JsonError(f"it has no {'.'.join(self._path)}", 0)

    def _members(self, depth: int) -> Iterator[Element]:
        """Walks through the object whose member `path[depth]` leads on."""
        text = self._text
        text.expect(b"{", f"{'.'.join(self._path[:depth]) or 'the document'} must be an object")
        if text.take(b"}"):
            return
        while True:
            name = text.name()
            text.expect(b":", "a colon must follow a name")
            if name != self._path[depth]:
                text.value(_MAX_NAME, keep=False)
            elif depth + 1 < len(self._path):
                yield from self._members(depth + 1)
            else:
                yield from self._elements()
            if text.take(b"}"):
                return
            text.expect(b",", "a comma or } must follow a member")

    def _elements(self) -> Iterator[Element]:
        text, path = self._text, ".".join(self._path)
        if self._found:
            raise JsonError(f"it has {path} twice", text.offset)
        self._found = True
        text.expect(b"[", f"{path} must be a list")
        if text.take(b"]"):
            return
        while True:
            text.peek()
            yield Element(text.offset, text.value(self._max_size, keep=True))
            if text.take(b"]"):
                return
            text.expect(b",", f"a comma or ] must follow an element of {path}")


class _Text:
    """A document's bytes, with what is needed to walk through them."""

    def __init__(self, stream: Source) -> None:
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._before = 0

    @property
    def offset(self) -> int:
        return self._before + self._position

    def _fill(self) -> bool:
        """Takes in a piece when all is used up; False at the end of the stream."""
        if self._position < len(self._buffer):
            return True
        self._before += len(self._buffer)
        self._buffer, self._position = self._stream.read(_PIECE), 0
        return bool(self._buffer)

    def skip_mark(self) -> None:
        """Steps over a byte order mark, which some tools begin with."""
        while len(self._buffer) < len(_BOM) and (piece := self._stream.read(_PIECE)):
            self._buffer += piece
        if self._buffer.startswith(_BOM):
            self._position = len(_BOM)

    def peek(self, *, at_end: bool = False) -> bytes:
        """Returns the next byte that is not blank; at the end, if that may be here, none."""
        while self._fill():
            blank = _BLANK.match(self._buffer, self._position)
            assert blank is not None
            self._position = blank.end()
            if self._position < len(self._buffer):
                return self._buffer[self._position : self._position + 1]
        if not at_end:
            raise JsonError("the document ends before it is whole", self.offset)
        return b""

    def take(self, wanted: bytes) -> bool:
        """Steps over this byte if it is the next."""
        found = self.peek() == wanted
        self._position += found
        return found

    def expect(self, wanted: bytes, otherwise: str) -> None:
        """Steps over this byte, which must be the next."""
        if not self.take(wanted):
            raise JsonError(otherwise, self.offset)

    def name(self) -> str:
        """Reads a member's name."""
        if self.peek() != b'"':
            raise JsonError("a name in double quotes must stand here", self.offset)
        start = self.offset
        try:
            return str(json.loads(self.value(_MAX_NAME, keep=True)))
        except ValueError:
            raise JsonError("this is no JSON string", start) from None

    def value(self, max_size: int, *, keep: bool) -> bytearray:
        """Reads a value; without `keep` it is stepped over, and only scalars are limited."""
        first = self.peek()
        start = self.offset
        extent = Scalar() if first not in b'"{[' else Extent()
        taken = bytearray()
        while True:
            if not self._fill():
                raise JsonError("the document ends before it is whole", self.offset)
            try:
                end = extent.feed(self._buffer, self._position)
            except UnbalancedError as error:
                raise JsonError(str(error), self._before + error.position) from None
            stop = len(self._buffer) if end is None else end
            if keep:
                taken += self._buffer[self._position : stop]
            self._position = stop
            if (keep or isinstance(extent, Scalar)) and self.offset - start > max_size:
                raise JsonError(f"a value is larger than {max_size} bytes", start)
            if end is not None:
                break
        if end is not None and self.offset == start:
            raise JsonError("a value must stand here", start)
        return taken

"""The elements of an XML document, each as it ends, in memory bounded by one element.

Documents are untrusted: no entity is expanded, nothing outside is loaded (defusedxml), and
nesting and size are bounded. Knows no vocabulary. Every XmlError carries the byte offset
of what is wrong.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from replayd.formats.streams import Source

_PIECE = 1 << 16
"""Bytes asked of the stream at once."""

MAX_DEPTH = 16

MAX_TOKEN = 1 << 20
"""Bytes of a tag or a comment. Until one is whole, expat before 2.6 looks at all of it again
with each piece.
"""


class XmlError(Exception):
    """The document can't be read; `byte_offset` is where."""

    def __init__(self, message: str, byte_offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.byte_offset = byte_offset


class Element(NamedTuple):
    """An element that ended."""

    name: str
    depth: int
    """From 1, the document's own."""
    attributes: dict[str, str]
    text: str
    """Its own, without that of the elements inside."""
    offset: int
    """Where in the stream it begins."""


class Elements:
    """The elements of a stream; iterate once. Raises XmlError.

    `max_size` is the most bytes between the ends of two elements.
    """

    def __init__(self, stream: Source, max_size: int) -> None:
        self._stream = stream
        self._max_size = max_size
        self._target = _Target()
        self._parser = DefusedXMLParser(target=self._target)
        self._target.offset = self._offset
        self._known = 0

    def __iter__(self) -> Iterator[Element]:
        ended = self._target.ended
        unended = fed = 0
        while piece := self._stream.read(_PIECE):
            with self._errors():
                self._parser.feed(piece)
            fed += len(piece)
            unended = 0 if ended else unended + len(piece)
            if unended > self._max_size:
                raise XmlError(f"an element is larger than {self._max_size} bytes", self._offset())
            yield from ended
            ended.clear()
            if fed - self._offset() > MAX_TOKEN:
                message = f"a tag or a comment is larger than {MAX_TOKEN} bytes"
                raise XmlError(message, self._offset())
        end = self._offset()
        with self._errors(end):
            self._parser.close()
        # expat 2.6 leaves what follows a long token until it knows that nothing more comes.
        yield from ended

    def _offset(self) -> int:
        # While a long token is not whole, expat 2.6 does not know where it stands.
        self._known = max(int(self._parser.parser.CurrentByteIndex), self._known)
        return self._known

    @contextmanager
    def _errors(self, offset: int | None = None) -> Iterator[None]:
        """Makes XmlErrors of what the parser raises; at `offset` once the parser is closed."""
        try:
            yield
        except DefusedXmlException:
            raise XmlError("it declares entities, which are not expanded", self._offset()) from None
        except (ParseError, ValueError, LookupError) as error:
            where = self._offset() if offset is None else offset
            raise XmlError(f"this is not well-formed XML ({error})", where) from None


class _Target:
    """What the parser tells: collects elements that ended."""

    def __init__(self) -> None:
        self.ended: list[Element] = []
        self.offset: Callable[[], int] = int
        self._open: list[tuple[dict[str, str], list[str], int]] = []

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == MAX_DEPTH:
            raise XmlError(f"elements nest deeper than {MAX_DEPTH} levels", self.offset())
        self._open.append((attributes, [], self.offset()))

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, name: str) -> None:
        attributes, texts, offset = self._open.pop()
        depth = len(self._open) + 1
        self.ended.append(Element(name, depth, attributes, "".join(texts), offset))

"""Burp Suite's exports ("Save items", XML) to flows: one item in memory at a time.

An item holds the bytes of a request and of its response, in base64 or as text, and where
the request was sent. As text they have lost their CRs, for so XML is read: they are put
back in heads, and in contents where Content-Length says that they belong there.
"""

import base64
import binascii
from collections.abc import Iterator

from replayd.formats.header_fields import content_length
from replayd.formats.http1_flows import Service, Times, kind_of, read_exchange
from replayd.formats.http1_messages import MessageError, parse_head
from replayd.formats.streams import Source
from replayd.formats.times import java_date
from replayd.formats.tnetstring import MAX_RECORD_SIZE
from replayd.formats.xml_elements import Element, Elements, XmlError
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found

FILE_SESSION = "file"
"""The session of items, which name no connection."""

_FIELDS = frozenset({"time", "host", "port", "protocol", "request", "response", "comment"})

_MAX_COMMENT = 1000


def begins_export(head: bytes) -> bool:
    """Tells whether a capture that begins so is a Burp export."""
    return b"<!DOCTYPE items" in head or b"<items burpVersion" in head


def read_burp(stream: Source) -> Iterator[Found]:
    """Reads the flows of an export, in its order; notes before their flow.

    Each item is a flow. Nothing can be read after XML that is not well-formed.
    """
    index = 0
    fields: dict[str, Element] = {}
    try:
        for element in Elements(stream, MAX_RECORD_SIZE):
            if element.depth == 1 and element.name != "items":
                raise XmlError(f"the document must be items, not {element.name:.40}", 0)
            if element.depth == 3 and element.name in _FIELDS:
                fields[element.name] = element
            elif element.depth == 2 and element.name == "item":
                flow, notes = _Item(fields).flow()
                for note in notes:
                    yield CaptureNote(index, note)
                yield flow
                fields, index = {}, index + 1
    except XmlError as error:
        message = f"this is not a whole Burp export: {error.message}"
        yield DamagedFlow(message, error.byte_offset)


class _Item:
    """One item of an export."""

    def __init__(self, fields: dict[str, Element]) -> None:
        self._fields = fields
        self._notes: list[str] = []

    def flow(self) -> tuple[Flow, list[str]]:
        """Returns the item's flow, and what was odd."""
        started = java_date(self._text("time"))
        if started is None and self._text("time"):
            self._notes.append(
                f"the time {self._text('time')!r:.60} can't be read, and was ignored"
            )
        found = read_exchange(
            self._octets("request"),
            self._octets("response"),
            end="the item ends",
            service=self._service(),
            times=Times(started),
        )
        flow = Flow(
            session_id=FILE_SESSION,
            kind=kind_of(found.request, found.response),
            request=found.request,
            response=found.response,
            comment=self._text("comment")[:_MAX_COMMENT],
        )
        return flow, self._notes + found.notes

    def _text(self, name: str) -> str:
        element = self._fields.get(name)
        return element.text.strip() if element else ""

    def _service(self) -> Service | None:
        host, port = self._text("host"), self._text("port")
        if not host:
            return None
        known = port.isascii() and port.isdigit() and len(port) <= 5
        return Service(self._text("protocol").lower(), host, int(port) if known else 0)

    def _octets(self, name: str) -> bytes:
        """Returns a message's bytes; none where they can't be told."""
        element = self._fields.get(name)
        if element is None:
            return b""
        if element.attributes.get("base64") != "true":
            return _with_line_ends(_encoded(element.text))
        try:
            return base64.b64decode("".join(element.text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            self._notes.append(f"the {name} is no base64 ({error})")
            return b""


def _encoded(text: str) -> bytes:
    """Makes bytes of text, in which each character stands for one where that is possible."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _with_line_ends(message: bytes) -> bytes:
    if b"\r" in message:
        return message
    try:
        head = parse_head(message)
    except MessageError:
        return message
    content = message[head.end :]
    if content_length(head.headers) == len(content) + content.count(b"\n"):
        content = content.replace(b"\n", b"\r\n")
    return message[: head.end].replace(b"\n", b"\r\n") + content

"""A file of requests to flows. The file is in memory as a whole, which bounds it."""

import re
from collections.abc import Iterator

from replayd.formats.http1_flows import ReadRequest, read_request
from replayd.formats.http1_messages import MessageError, skip_empty_lines
from replayd.formats.http_requests.written import Variables, WrittenError, written_request
from replayd.formats.streams import Source, read_whole
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found, Request

FILE_SESSION = "file"
"""The session of requests, which name no connection."""

MAX_FILE = 192 << 20
"""Bytes: a content of 64 MiB, and then some."""

_MAX_COMMENT = 1000

_TORN_READS = 16
"""Requests that are read as from the wire and turn out to be longer than the file: each may
have taken in all of the rest. Later ones end with their section.
"""

_ASIDE = rb"[ \t]*+(?:(?:#|//)[^\n]*+|@[^\n]*+)?\r?(?:\n|\Z)"
_SCRIPT = rb"<[ \t]+\{%(?s:.)*?%\}[^\n]*+\n"
_FIRST_LINE = re.compile(
    rb"(?:%b|%b)*+[ \t]*+[A-Z]{3,20}[ \t]+(?:https?://|/|\*[ \t]|\{\{)" % (_ASIDE, _SCRIPT)
)
_MARK = b"\xef\xbb\xbf"

_SEPARATOR = re.compile(rb"^###", re.MULTILINE)
_LINE = re.compile(rb"[^\n]*\n?")
_SCRIPTED = "what the file does before the request is left out, with the variables that it sets"

_COMMENT = re.compile(rb"[ \t]*(?:#|//)")
_DEFINITION = re.compile(rb"@([\w.-]{1,100})[ \t]*=[ \t]*(.*)", re.DOTALL)
_FROM_WIRE = re.compile(rb"[^\s:]+ (?:/[^\r\n]*|\*) HTTP/[0-9](?:\.[0-9])?\r\n")


def begins_requests(head: bytes) -> bool:
    """Tells whether a file that begins so holds requests."""
    return _FIRST_LINE.match(head.removeprefix(_MARK)) is not None


def read_requests(stream: Source) -> Iterator[Found]:
    """Reads the flows of a file, in its order; notes before their flow."""
    data = read_whole(stream, MAX_FILE)
    if data is None:
        yield DamagedFlow(f"the file is larger than {MAX_FILE} bytes; split it", MAX_FILE)
        return
    for index, (flow, notes) in enumerate(_File(data.removeprefix(_MARK)).flows()):
        for note in notes:
            yield CaptureNote(index, note)
        yield flow


class _File:
    """A file, read from one request to the next."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._variables = Variables()
        self._title = ""
        self._scripted = False
        self._torn_reads = 0
        self._section = range(0)
        """Where the section seen last goes on from and ends."""

    def flows(self) -> Iterator[tuple[Flow, list[str]]]:
        """Yields each request's flow, and what was odd about it."""
        while self._skip_asides():
            notes = [_SCRIPTED] if self._scripted else []
            try:
                request = self._request(notes)
            except (MessageError, WrittenError) as error:
                notes.append(f"the request can't be read: {error}")
                request = None
            yield Flow(session_id=FILE_SESSION, request=request, comment=self._title), notes
            self._title, self._scripted = "", False

    def _skip_asides(self) -> bool:
        """Moves to the next request's first line; False: there is none."""
        while self._position < len(self._data):
            line = _line(self._data, self._position)
            text = line.strip()
            if line.startswith(b"###") or text.startswith(b"# @name"):
                said = text.lstrip(b"#").strip().removeprefix(b"@name").strip()
                self._title = said.decode("utf-8", "replace")[:_MAX_COMMENT]
            elif found := _DEFINITION.fullmatch(text):
                self._variables.define(found[1], found[2])
            elif line.startswith((b"< ", b"<\t")):
                self._scripted = True
                line = self._script(line)
            elif text and not _COMMENT.match(line):
                return True
            self._position += len(line)
        return False

    def _script(self, line: bytes) -> bytes:
        """Returns all of what is to be run before a request: a file's name, or a text."""
        if not line[1:].lstrip().startswith(b"{%"):
            return line
        end = self._data.find(b"%}", self._position, self._section_end(self._position))
        last = _line(self._data, self._position if end < 0 else end)
        return line if end < 0 else self._data[self._position : end + len(last)]

    def _request(self, notes: list[str]) -> Request:
        """Reads the request at the position, and moves beyond it."""
        start, data = self._position, self._data
        end = self._position = self._section_end(start)
        if not _FROM_WIRE.match(data, start):
            return written_request(data[start:end], self._variables, notes)
        found = self._from_wire(start, end)
        if found is None:
            return written_request(data[start:end], self._variables, notes)
        notes += [*found.notes, "no scheme is said: it is sent with http"]
        # Its content may hold what looks like a separator.
        end = self._section_end(found.end)
        self._position = skip_empty_lines(data, found.end)
        if self._position < end and not _FROM_WIRE.match(data, self._position):
            left = end - self._position
            notes.append(f"{left} bytes after the request's end were left out")
            self._position = end
        return found.request

    def _from_wire(self, start: int, end: int) -> ReadRequest | None:
        """Reads a request, maybe beyond its section; None: it says to be longer than what is
        written of it. Raises MessageError.
        """
        beyond = end < len(self._data)
        if beyond and self._torn_reads >= _TORN_READS:
            found = self._read(self._data[start:end], 0)
            found = found._replace(end=start + found.end)
        else:
            found = self._read(self._data, start)
        if found.request.content is None and beyond:
            self._torn_reads += 1
            return None
        return found

    def _read(self, data: bytes, start: int) -> ReadRequest:
        try:
            return read_request(data, start, end="the file ends", any_version=True)
        except MessageError:
            self._torn_reads += 1
            raise

    def _section_end(self, start: int) -> int:
        if start not in self._section:
            found = _SEPARATOR.search(self._data, start)
            self._section = range(start, found.start() if found else len(self._data))
        return self._section.stop


def _line(data: bytes, start: int) -> bytes:
    found = _LINE.match(data, start)
    assert found is not None
    return found[0]

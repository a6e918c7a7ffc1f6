"""Fiddler's archives (SAZ) to flows: one session in memory at a time.

A zip archive of files `raw/N_c.txt` (the request), `N_s.txt` (the response) and `N_m.xml`
(times and flags). Its directory is at the end, so that all of it is spooled first; where
to is the caller's. What it unpacks to is bounded: each message, and all of them by the
archive's own size.

Fiddler is a proxy and writes each request with its whole URL, decrypted ones too. What
went on to the server, and is replayed, has the path only. A CONNECT is not an exchange:
it opened a tunnel through Fiddler.
"""

import io
import re
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from replayd.errors import ReplaydError
from replayd.formats.http1_flows import Times, in_origin_form, kind_of, read_exchange
from replayd.formats.streams import Source, Spool
from replayd.formats.times import iso_8601
from replayd.formats.xml_elements import Elements, XmlError
from replayd.formats.zip_archive import Entry, ZipArchive, ZipError
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, FlowKind, Found
from replayd.reasons import Reason

FILE_SESSION = "file"
"""The session of requests that name no connection."""

MAX_ARCHIVE = 512 << 20
MAX_MESSAGE = 96 << 20
"""Bytes: a content of 64 MiB, and then some."""
MAX_DETAILS = 1 << 20
"""Bytes of a session's times and flags."""

MAX_RATIO = 200
MIN_BUDGET = 64 << 20
"""All of an archive unpacks to at most so many times its size, or so many bytes."""

_PIECE = 1 << 18
_MAX_COMMENT = 1000

_MEMBER = re.compile(r"raw[/\\](\d{1,9})_([csmw])\.(?:txt|xml)", re.ASCII | re.IGNORECASE)

_LETTERS = "cmsw"
_PLACE_BITS, _FILE_BITS = 32, 34
_PLACE = (1 << _PLACE_BITS) - 1
"""A file in an integer: its session's number, its letter, the place of its entry."""

_Files = dict[str, Entry]
"""A session's files by their letter."""


def read_saz(stream: Source, spool: Spool) -> Iterator[Found]:
    """Reads the flows of an archive, in the order of its sessions; notes before their flow.

    Raises ReplaydError UNKNOWN_FORMAT for an archive of something else.
    """
    with spool() as file:
        size = _copy(stream, file)
        if size > MAX_ARCHIVE:
            yield DamagedFlow(f"the archive is larger than {MAX_ARCHIVE} bytes; split it", size)
            return
        try:
            archive = _Archive(ZipArchive(file, size), size)
        except ZipError as error:
            message = f"this is not a whole zip archive, its directory can't be read ({error})"
            yield DamagedFlow(message, size)
            return
        yield from archive.flows()


def _copy(stream: Source, file: BinaryIO) -> int:
    """Copies a stream, no more of it than one piece over the limit; returns its size."""
    size = 0
    while size <= MAX_ARCHIVE and (piece := stream.read(_PIECE)):
        size += file.write(piece)
    return size


class _Archive:
    """An archive of sessions. Raises ZipError when its directory can't be read."""

    def __init__(self, archive: ZipArchive, size: int) -> None:
        self._archive = archive
        self._size = size
        self._budget = max(size * MAX_RATIO, MIN_BUDGET)
        # An integer a file: large archives have hundreds of thousands.
        self._found = sorted(
            int(found[1]) << _FILE_BITS
            | _LETTERS.index(found[2].lower()) << _PLACE_BITS
            | entry.place
            for entry in archive.entries()
            if (found := _MEMBER.fullmatch(entry.name))
        )

    def flows(self) -> Iterator[Found]:
        """Yields the sessions' flows; a DamagedFlow for one whose files can't be read."""
        requests = _LETTERS.index("c")
        if not any(each >> _PLACE_BITS & 3 == requests for each in self._found):
            raise ReplaydError(
                Reason.UNKNOWN_FORMAT,
                "the capture is a zip archive, but not one of Fiddler's (.saz): it has no "
                "raw/N_c.txt; unpack it and enqueue what is inside",
            )
        index = 0
        for number, files in self._sessions():
            if "c" not in files:
                yield CaptureNote(index, f"session {number} has no request and was left out")
                continue
            try:
                flow, notes = self._flow(number, files)
            except ZipError as error:
                # It may be where the archive has nothing.
                offset = min(files["c"].offset, self._size)
                yield DamagedFlow(f"session {number}: {error}", offset)
            else:
                for note in notes:
                    yield CaptureNote(index, note)
                yield flow
            index += 1

    def _sessions(self) -> Iterator[tuple[str, _Files]]:
        """Yields each session's number, as it is written, and its files."""
        for _, some in groupby(self._found, lambda each: each >> _FILE_BITS):
            files = {
                _LETTERS[each >> _PLACE_BITS & 3]: self._archive.entry(each & _PLACE)
                for each in some
            }
            name = next(iter(files.values())).name
            yield name[len("raw/") :].partition("_")[0], files

    def _flow(self, number: str, files: _Files) -> tuple[Flow, list[str]]:
        notes: list[str] = []
        details = _Details()
        if "m" in files:
            try:
                details.read(self._read(files["m"], MAX_DETAILS))
            except XmlError as error:
                notes.append(f"times and flags were left out: {error.message}")
        found = read_exchange(
            self._read(files["c"], MAX_MESSAGE),
            self._read(files["s"], MAX_MESSAGE) if "s" in files else b"",
            end="its file ends",
            service=None,
            times=details.times,
        )
        kind = kind_of(found.request, found.response)
        if found.request and found.request.method == b"CONNECT":
            # What follows it in the file is what Fiddler saw of the tunnel.
            kind, found = FlowKind.TCP, found._replace(notes=[])
        elif "w" in files:
            kind = FlowKind.WEBSOCKET
        flow = Flow(
            flow_id=number,
            session_id=details.session or FILE_SESSION,
            kind=kind,
            request=found.request and in_origin_form(found.request),
            response=found.response,
            comment=details.flags.get("ui-comments", "")[:_MAX_COMMENT],
        )
        return flow, notes + found.notes

    def _read(self, entry: Entry, limit: int) -> bytes:
        data = self._archive.read(entry, limit)
        self._budget -= len(data)
        if self._budget < 0:
            raise ZipError(f"the archive unpacks to more than {MAX_RATIO} times its size; split it")
        return data


class _Details:
    """What Fiddler says about a session beside its messages."""

    def __init__(self) -> None:
        self.times = Times()
        self.flags: dict[str, str] = {}
        self._connected = ""

    def read(self, data: bytes) -> None:
        """Reads a session's `_m.xml`. Raises XmlError."""
        for element in Elements(io.BytesIO(data), MAX_DETAILS):
            given = element.attributes
            if element.name == "SessionTimers":
                self._connected = given.get("ClientConnected", "")
                self.times = Times(
                    started=iso_8601(given.get("ClientBeginRequest", "")),
                    sent=iso_8601(given.get("ClientDoneRequest", "")),
                    answered=iso_8601(given.get("ServerBeginResponse", "")),
                    ended=iso_8601(given.get("ServerDoneResponse", "")),
                )
            elif element.name == "SessionFlag":
                self.flags[given.get("N", "").lower()] = given.get("V", "")

    @property
    def session(self) -> str:
        """The client's connection; empty: unknown, or Fiddler's own request."""
        address, port = self.flags.get("x-clientip", ""), self.flags.get("x-clientport", "0")
        return f"{address}:{port} {self._connected}"[:200] if address and port != "0" else ""

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
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from replayd.errors import ReplaydError
from replayd.formats.http1_flows import Times, in_origin_form, kind_of, read_exchange
from replayd.formats.streams import Source
from replayd.formats.times import iso_8601
from replayd.formats.xml_elements import Elements, XmlError
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, FlowKind, Found
from replayd.reasons import Reason

Spool = Callable[[], BinaryIO]
"""Makes an empty file to write to and read from, which is gone when it is closed."""

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

_Files = dict[str, zipfile.ZipInfo]
"""A session's files by their letter."""


class _MemberError(Exception):
    """A file of the archive can't be read."""


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
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
            message = f"this is not a whole zip archive, its directory can't be read ({error})"
            yield DamagedFlow(message, size)
            return
        with archive:
            yield from _Archive(archive, size).flows()


def _copy(stream: Source, file: BinaryIO) -> int:
    """Copies a stream, no more of it than one piece over the limit; returns its size."""
    size = 0
    while size <= MAX_ARCHIVE and (piece := stream.read(_PIECE)):
        size += file.write(piece)
    return size


class _Archive:
    """An archive whose directory was read."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._budget = max(size * MAX_RATIO, MIN_BUDGET)

    def flows(self) -> Iterator[Found]:
        """Yields the sessions' flows; a DamagedFlow for one whose files can't be read."""
        sessions: dict[str, _Files] = {}
        for info in self._archive.infolist():
            if found := _MEMBER.fullmatch(info.filename):
                sessions.setdefault(found[1], {})[found[2].lower()] = info
        if not any("c" in files for files in sessions.values()):
            raise ReplaydError(
                Reason.UNKNOWN_FORMAT,
                "the capture is a zip archive, but not one of Fiddler's (.saz): it has no "
                "raw/N_c.txt; unpack it and enqueue what is inside",
            )
        index = 0
        for number, files in sorted(sessions.items(), key=lambda each: int(each[0])):
            if "c" not in files:
                yield CaptureNote(index, f"session {number} has no request and was left out")
                continue
            try:
                flow, notes = self._flow(number, files)
            except _MemberError as error:
                yield DamagedFlow(f"session {number}: {error}", files["c"].header_offset)
            else:
                for note in notes:
                    yield CaptureNote(index, note)
                yield flow
            index += 1

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

    def _read(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        name = info.filename
        if info.flag_bits & 1:
            raise _MemberError(f"{name} is protected by a password; save it without one")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _MemberError(f"{name} is packed in a way that no SAZ is")
        try:
            with self._archive.open(info) as file:
                data = file.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
            raise _MemberError(f"{name} is damaged ({error})") from None
        if len(data) > limit:
            raise _MemberError(f"{name} is larger than {limit} bytes")
        self._budget -= len(data)
        if self._budget < 0:
            raise _MemberError(
                f"the archive unpacks to more than {MAX_RATIO} times its size; split it"
            )
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

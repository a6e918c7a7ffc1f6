"""GoReplay files for tests."""

import io

from replayd.formats import Format, read_capture
from replayd.formats.goreplay.records import SEPARATOR
from replayd.formats.streams import Source
from replayd.model.flow import CaptureNote, Flow

NOW = 1_795_392_378_500_000_000
"""Nanoseconds."""

GET = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def record(payload: bytes, kind: int = 1, record_id: str = "a1", latency: int | None = 0) -> bytes:
    """A whole record."""
    end = b"" if latency is None else b" %d" % latency
    meta = b"%d %b %d%b\n" % (kind, record_id.encode(), NOW, end)
    return meta + payload + SEPARATOR


def post(content: bytes, *fields: bytes) -> bytes:
    """A POST of this content with these fields; they must say its length."""
    lines = (b"POST /x HTTP/1.1", b"Host: a.test", *fields, b"")
    return b"".join(line + b"\r\n" for line in lines) + content


def read(data: bytes | Source) -> tuple[list[Flow], list[CaptureNote]]:
    """The flows of a GoReplay file, and the notes."""
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    found = list(read_capture(stream, format=Format.GOREPLAY))
    flows = [each for each in found if isinstance(each, Flow)]
    return flows, [each for each in found if isinstance(each, CaptureNote)]

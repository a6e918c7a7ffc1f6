"""GoReplay's files (`.gor`): the request, the recorded response, the replayed one.

A record is `TYPE ID TIME LATENCY LF PAYLOAD SEPARATOR`, times in nanoseconds. Requests are
as they were sent, or would be over HTTP/1, since GoReplay knows nothing else. All times are
on the replay's clock, the recorded response's moved to it, so that GoReplay finds one steady
course of time.

Nothing is escaped, and GoReplay ends a record wherever it meets the separator: a replay
with one in a content can't be held. A response has no record when it is not complete, or
when the capture left out its content. Of a WebSocket it has the handshake alone.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from replayd.formats.goreplay.exchange import session_of
from replayd.formats.goreplay.records import SEPARATOR, RecordType
from replayd.formats.header_fields import members_of
from replayd.model.flow import Headers, Response
from replayd.model.plan import framed
from replayd.model.replayed import Replayed

_MARK = SEPARATOR.rstrip(b"\n")
"""Where a separator begins; at a payload's end the record's own line feed completes it."""

_ADDRESS = re.compile(r"[0-9a-f]{16}")
"""A session that came from a GoReplay file: ports and source address of its ids."""

_OWN_ID = re.compile(r"[0-9a-f]{24}|[0-9a-f]{40}")
"""A flow's id that came from a GoReplay file, of a newer or an older version."""


class _Record(NamedTuple):
    type: RecordType
    time: int
    latency: int
    payload: bytes


def write(replayed: Replayed) -> Iterable[bytes]:
    """Makes the records of one replay; none when a content holds a separator."""
    records = list(_records(replayed))
    if any(_MARK in record.payload for record in records):
        return ()
    identity = _id(replayed)
    pieces: list[bytes] = []
    for record in records:
        meta = f"{int(record.type)} {identity} {record.time} {record.latency}\n"
        pieces += (meta.encode(), record.payload, SEPARATOR)
    return pieces


def _records(replayed: Replayed) -> Iterator[_Record]:
    timings, plan = replayed.outcome.timings, replayed.plan
    request = b"".join((plan.head, *framed(plan, [replayed.request.content or b""])))
    yield _Record(RecordType.REQUEST, timings.start, timings.sent or 0, request)
    recorded = replayed.flow.response
    if recorded is not None and recorded.content is not None:
        time = timings.start + _between(replayed.request.start_time, recorded.start_time)
        latency = _between(recorded.start_time, recorded.end_time)
        yield _Record(RecordType.RESPONSE, time, latency, _message(recorded))
    if replayed.response is not None and not replayed.error:
        payload = _message(replayed.response)
        yield _Record(RecordType.REPLAYED_RESPONSE, timings.start, timings.total or 0, payload)


def _id(replayed: Replayed) -> str:
    """The flow's own id, where it is one of GoReplay's. Else 24 digits: 16 that name the
    connection, so that a session is told again, then the flow.
    """
    flow = replayed.flow
    own = not replayed.key.repeat and _OWN_ID.fullmatch(flow.flow_id)
    if own and flow.session_id == session_of(flow.flow_id):
        return flow.flow_id
    session = flow.session_id or replayed.key.replay_id
    if not _ADDRESS.fullmatch(session):
        session = hashlib.blake2b(session.encode(), digest_size=8).hexdigest()
    return f"{session}{replayed.key.slot:08x}"


def _between(start: float | None, end: float | None) -> int:
    return 0 if start is None or end is None else max(0, round((end - start) * 1e9))


def _message(response: Response) -> bytes:
    """Makes the response an HTTP/1 message; chunked, where its fields say so, in one chunk."""
    version = response.http_version
    if not version.startswith(b"HTTP/1."):
        version = b"HTTP/1.1"
    head = b"%b %d %b\r\n" % (version, response.status_code, response.reason_phrase)
    content = response.content or b""
    if members_of(response.headers, b"transfer-encoding")[-1:] == [b"chunked"]:
        chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
        content = b"%b0\r\n%b\r\n" % (chunk, _fields(response.trailers))
    return b"%b%b\r\n%b" % (head, _fields(response.headers), content)


def _fields(headers: Headers) -> bytes:
    """Writes fields, without the pseudo fields of HTTP/2."""
    return b"".join(b"%b: %b\r\n" % field for field in headers if not field[0].startswith(b":"))

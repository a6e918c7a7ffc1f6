"""The messages of records: requests, and the responses that are added to them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from replayd.formats.goreplay.records import Record
from replayd.formats.http1_flows import kind_of, read_request, read_response
from replayd.formats.http1_messages import MessageError, skip_empty_lines
from replayd.model.flow import DamagedFlow, Flow, Request, Response

FILE_SESSION = "file"
"""The session of ids that name no connection."""

_ADDRESSED_ID = re.compile(r"[0-9a-f]{24}")
_ADDRESS = 16
"""Hexadecimal digits of ports and source address, with which such an id begins."""


@dataclass(slots=True)
class Exchange:
    """A request, and its response once that is known."""

    record_id: str
    request: Request | None
    size: int
    notes: list[str] = field(default_factory=list)
    response: Response | None = None
    answered: bool = False
    damaged: DamagedFlow | None = None
    """What stands in the place of a request that can't be read."""

    def flow(self) -> Flow:
        """Returns the flow."""
        return Flow(
            flow_id=self.record_id,
            session_id=session_of(self.record_id),
            kind=kind_of(self.request, self.response),
            request=self.request,
            response=self.response,
        )


def session_of(record_id: str) -> str:
    """Returns the session that a record's id tells: its client connection, else the file."""
    return record_id[:_ADDRESS] if _ADDRESSED_ID.fullmatch(record_id) else FILE_SESSION


def exchanges(record: Record) -> Iterator[Exchange]:
    """Yields the requests of a record: one, or several that were pipelined."""
    payload, at, first = record.payload, 0, True
    while first or at < len(payload):
        try:
            exchange, at = _request(record, at)
        except MessageError as error:
            if not first:
                left = len(payload) - at
                exchange.notes.append(f"{left} bytes after the request's end were left out")
                return
            torn = "the file ends inside it; " if record.torn else ""
            exchange, at = Exchange(record.id, None, 0), len(payload)
            exchange.notes.append(f"the request can't be read: {torn}{error}")
        yield exchange
        first = False
        at = skip_empty_lines(payload, at)


def _request(record: Record, start: int) -> tuple[Exchange, int]:
    """Reads the request at `start`; returns it and where it ends."""
    found = read_request(
        record.payload,
        start,
        end=_end(record),
        start_time=record.time,
        end_time=record.time + record.latency if record.latency > 0 else None,
    )
    if record.torn and found.request.content is not None:
        found.notes.append("the file ends after it, without the mark of a record's end")
    return Exchange(record.id, found.request, found.end - start, found.notes), found.end


def _end(record: Record) -> str:
    return "the file ends" if record.torn else "the record ends"


def add_response(exchange: Exchange, record: Record, start: int) -> int | None:
    """Reads the response at `start`; returns where another one follows, None: none does."""
    method = exchange.request.method if exchange.request else b""
    try:
        found = read_response(
            record.payload, start, method=method, end=_end(record), start_time=record.time
        )
    except MessageError as error:
        exchange.notes.append(f"the recorded response was left out: {error}")
        return None
    exchange.notes += found.notes
    exchange.response = found.response
    return found.next

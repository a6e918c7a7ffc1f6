"""What an Enqueue does with a capture, from its bytes to what is stored, in this process.

The decoding is the daemon's own, and so is everything after it: rows and the summary go
through the frames that a worker sends, and are read again as the daemon, the replay thread
and an export read them. Nothing is kept. What a capture may be refused for is an outcome;
anything else that is raised is a finding.
"""

from dataclasses import dataclass
from functools import lru_cache

from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.codec.event import log_event
from replayd.codec.flow import decode_flow
from replayd.codec.plan import decode_plan
from replayd.codec.row import decode_rows, encode_row
from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format
from replayd.formats.streams import is_packed
from replayd.intake.decode import DecodeSettings, Decoding
from replayd.intake.frames import (
    Summary,
    decode_error,
    decode_summary,
    encode_error,
    encode_summary,
)
from replayd.model.event import LogLevel
from replayd.planning.proxy import for_upstream
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.rpc.convert import enqueue_answer

REFUSED = frozenset({Reason.DAMAGED_CAPTURE, Reason.UNKNOWN_FORMAT, Reason.UNSUPPORTED_VERSION})
"""Why a capture may be refused as a whole."""

MAX_MESSAGE = 2000
"""Characters of an error's message: it travels in gRPC's metadata, of which 8 KiB are taken."""

_SETTINGS = DecodeSettings(TargetRules("anywhere", (), ("denied.test",)), 16 << 20)

_FORMATS = {each: replay_pb2.CaptureFormat.Value(f"CAPTURE_FORMAT_{each.name}") for each in Format}


@dataclass(frozen=True, slots=True)
class Way:
    """How a capture is enqueued."""

    format: Format | None = None
    salvage: bool = False
    raw: bool = False
    piece: int = 1 << 20
    """Bytes of a chunk."""
    followed: bool = True
    """Whether what comes of it is read again, as the daemon reads it."""


class BrokenPromiseError(Exception):
    """Nothing was raised that may not be, but what came of it is not as it must be."""


def enqueue(data: bytes, way: Way) -> Summary | Reason:
    """Enqueues a capture; returns what came of it, or why it was refused.

    Raises BrokenPromiseError, and whatever else goes wrong.
    """
    rows: list[bytes] = []
    messages = [_options(way)]
    for start in range(0, len(data), way.piece):
        chunk = replay_pb2.EnqueueRequest(capture_chunk=data[start : start + way.piece])
        messages.append(chunk.SerializeToString())
    try:
        decoding = Decoding(iter(messages), _SETTINGS, lambda row: rows.append(encode_row(row)))
        summary = decoding.run()
    except ReplaydError as error:
        _check_error(error, data, way)
        return error.reason
    if summary.accepted != len(rows):
        raise BrokenPromiseError(f"{len(rows)} rows, but {summary.accepted} flows were accepted")
    if way.followed:
        _store(b"".join(rows))
        _answer(summary)
    return summary


@lru_cache
def _options(way: Way) -> bytes:
    options = replay_pb2.EnqueueOptions(
        format=_FORMATS[way.format] if way.format else None, salvage=way.salvage, raw=way.raw
    )
    return replay_pb2.EnqueueRequest(options=options).SerializeToString()


def _check_error(error: ReplaydError, data: bytes, way: Way) -> None:
    if error.reason not in REFUSED:
        raise BrokenPromiseError(f"{error.reason.name} is no reason to refuse a capture") from error
    if len(error.message) > MAX_MESSAGE:
        raise BrokenPromiseError(f"a message of {len(error.message)} characters") from error
    decode_error(encode_error(error)).message.encode()
    if not isinstance(error, CaptureError):
        return
    if way.salvage:
        raise BrokenPromiseError("refused as a whole, though it was to be salvaged") from error
    if error.byte_offset < 0 or (error.byte_offset > len(data) and not is_packed(data)):
        raise BrokenPromiseError(f"byte {error.byte_offset} of {len(data)}") from error


def _store(rows: bytes) -> None:
    """Reads the rows as the journal, the replay thread and an export do."""
    for row in decode_rows(rows):
        plan = decode_plan(row.plan)
        for_upstream(plan, b"Basic dTpw")
        decode_flow(flow_pb2.Flow.FromString(row.flow), row.request_content, row.recorded_content)


def _answer(summary: Summary) -> None:
    """Makes the answer and the log's events of a summary, as the daemon gets it."""
    received = decode_summary(encode_summary(summary))
    enqueue_answer("batch", received).SerializeToString()
    for refused in received.refusals[:2]:
        log_event(
            LogLevel.WARNING,
            f"refused: {refused.message}",
            0,
            reason=Reason(refused.reason),
            batch_id="batch",
            flow_index=refused.flow_index,
            flow_id=refused.flow_id,
        )
    for note in received.notes[:2]:
        log_event(LogLevel.WARNING, note.message, 0, reason=Reason.CAPTURE_NOTE, batch_id="batch")

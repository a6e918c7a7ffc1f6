"""What travels to the filters' process and back (`workers.frames`): one QUESTION, one answer.

A question is a filter with events, each perhaps with the request of its replay; its answer is
VERDICTS, one for each event, or a FAILURE, what is wrong with the filter.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from replayd.errors import FieldError
from replayd.workers.frames import frame

_QUESTION = struct.Struct(">?H")
"""Whether secrets are shown, and the filter's bytes."""
_SIZES = struct.Struct(">II")
"""Bytes of an event and of a request."""


class Frame(IntEnum):
    """Kinds of frames."""

    QUESTION = 1
    VERDICTS = 2
    FAILURE = 3


class Verdict(IntEnum):
    """What a filter says of an event."""

    NO = 0
    YES = 1
    UNKNOWN = 2
    """The filter asks about the request, which the event does not have: ask again with it."""


class Candidate(NamedTuple):
    """One event to be judged."""

    event: bytes
    """An encoded `flowreplay.v1.Event`."""
    request: bytes = b""
    """The encoded `flowreplay.v1.RequestEvent` of its replay; empty: not at hand."""


class Question(NamedTuple):
    """A filter and what it is asked about."""

    text: str
    candidates: Sequence[Candidate]
    revealed: bool = False
    """Secrets are shown in what it is asked about."""


def encode_question(question: Question) -> bytes:
    """Encodes a question as a frame."""
    text = question.text.encode()
    parts = [_QUESTION.pack(question.revealed, len(text)), text]
    for event, request in question.candidates:
        parts += (_SIZES.pack(len(event), len(request)), event, request)
    return frame(Frame.QUESTION, b"".join(parts))


def decode_question(payload: bytes) -> Question:
    """Decodes the payload of what `encode_question` made."""
    revealed, length = _QUESTION.unpack_from(payload)
    start = _QUESTION.size + length
    text = payload[_QUESTION.size : start].decode()
    return Question(text, list(_candidates(payload, start)), revealed)


def _candidates(payload: bytes, start: int) -> Iterator[Candidate]:
    while start < len(payload):
        events, requests = _SIZES.unpack_from(payload, start)
        event = start + _SIZES.size
        request = event + events
        start = request + requests
        yield Candidate(payload[event:request], payload[request:start])


def encode_verdicts(verdicts: Iterable[Verdict]) -> bytes:
    """Encodes an answer as a frame."""
    return frame(Frame.VERDICTS, bytes(verdicts))


def encode_failure(what: str, position: int) -> bytes:
    """Encodes what is wrong with a filter as a frame."""
    return frame(Frame.FAILURE, json.dumps([what, position]).encode())


def decode_answer(kind: int, payload: bytes) -> list[Verdict]:
    """Decodes an answer; raises ReplaydError INVALID_OPTIONS for a filter that is none."""
    if kind == Frame.VERDICTS:
        return [Verdict(each) for each in payload]
    what, position = json.loads(payload)
    raise FieldError("filter", f"can't be read: {what}", position=position)

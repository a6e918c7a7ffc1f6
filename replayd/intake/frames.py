"""What travels to a decoder and back (`workers.frames`).

To the worker: KEY once, that of `Redactor`, which no command line may show; then MESSAGE
(a raw `EnqueueRequest`) and END. From it: ROWS (`codec.row`), then SUMMARY or ERROR (both
JSON). Pure; who reads and writes is somewhere else.
"""

import json
from enum import IntEnum
from typing import NamedTuple

from replayd.errors import ReplaydError
from replayd.reasons import Reason


class Frame(IntEnum):
    """Kinds of frames."""

    MESSAGE = 1
    END = 2
    ROWS = 3
    SUMMARY = 4
    ERROR = 5
    KEY = 6


class RefusedFlow(NamedTuple):
    """A flow that was left out."""

    flow_index: int
    flow_id: str
    reason: int
    message: str


class NotedFlow(NamedTuple):
    """A note about a flow of the capture."""

    flow_index: int
    message: str


class Summary:
    """What a whole Enqueue's messages held."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused = 0
        self.refusals: list[RefusedFlow] = []
        """The first `LISTED` of them."""
        self.refused_by_reason: dict[int, int] = {}
        self.filtered = 0
        """Flows that the filter left out."""
        self.noted = 0
        self.notes: list[NotedFlow] = []
        """The first `LISTED` of them."""
        self.content_hash = ""
        """Hex SHA-256 of the options (without request_id) and the content."""
        self.resident_memory = 0
        """Bytes that the worker holds in memory after all of it."""


LISTED = 1000
"""How many refusals and notes are told one by one; all are counted."""


def encode_summary(summary: Summary) -> bytes:
    """Encodes a summary."""
    return json.dumps(vars(summary)).encode()


def decode_summary(payload: bytes) -> Summary:
    """Decodes what `encode_summary` made."""
    values = json.loads(payload)
    values["refusals"] = [RefusedFlow(*each) for each in values["refusals"]]
    values["notes"] = [NotedFlow(*each) for each in values["notes"]]
    values["refused_by_reason"] = {
        int(reason): count for reason, count in values["refused_by_reason"].items()
    }
    summary = Summary()
    vars(summary).update(values)
    return summary


def encode_error(error: ReplaydError) -> bytes:
    """Encodes an error."""
    return json.dumps(
        {"reason": error.reason, "message": error.message, "metadata": error.metadata}
    ).encode()


def decode_error(payload: bytes) -> ReplaydError:
    """Decodes what `encode_error` made."""
    values = json.loads(payload)
    return ReplaydError(Reason(values["reason"]), values["message"], **values["metadata"])

"""Events: facts in the log. Their bodies are encoded by `codec.event`."""

from enum import IntEnum
from typing import NamedTuple

PREVIEW_LIMIT = 64 * 1024
"""Bytes of a content that an event in the log holds; the whole is in the journal."""


class EventKind(IntEnum):
    """Kinds of events, numbered as `flowreplay.v1.EventKind`."""

    REQUEST = 1
    RESPONSE = 2
    ERROR = 3
    LOG = 4
    UPDATE = 5


class UpdateKind(IntEnum):
    """What an `update` event is about, numbered as `flowreplay.v1.UpdateKind`."""

    QUEUED = 1
    CLEARED = 2
    PAUSED = 3
    RESUMED = 4
    REQUEUED = 5
    STOPPING = 6
    RESOLVED = 7
    MOVED = 8


class LogLevel(IntEnum):
    """How much a `log` event matters, numbered as `flowreplay.v1.LogLevel`."""

    INFO = 1
    WARNING = 2
    ERROR = 3


class PendingEvent(NamedTuple):
    """An encoded event that has no sequence yet; the journal gives it one."""

    kind: EventKind
    batch_id: str
    """Empty: it concerns the whole queue or the daemon."""
    body: bytes
    """An encoded `flowreplay.v1.Event` without its `sequence` field."""
    withheld: bytes = b""
    """What it does not show of an outcome, with secrets: an encoded `flowreplay.v1.Event` with
    those fields alone, to be kept with the replay."""

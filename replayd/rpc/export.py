"""A batch as a capture: from the journal's history through a format's writer, in chunks.

Synchronous, for a thread: it reads, decodes and writes a few replays at a time, whatever
the batch holds.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from flowreplay.v1 import flow_pb2

from replayd.codec.flow import decode_flow
from replayd.codec.outcome import decode_outcome
from replayd.codec.plan import decode_plan
from replayd.codec.websocket import decode_conversation
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Part, Past
from replayd.model.flow import WebSocketMessage
from replayd.model.replay import OUTCOMES, ReplayKey, ReplayState
from replayd.model.replayed import Replayed
from replayd.reasons import Reason
from replayd.rpc.filtering import Found

if TYPE_CHECKING:
    from replayd.formats.writers import Writer

CHUNK = 1 << 20
"""Bytes of a capture that travel in one message."""

_STEP = 64
"""How many replays are read at once."""

_WORK, _PAUSE = 1e-3, 50e-6
"""Seconds of work, then seconds in which other threads get the interpreter: else each of
their steps would wait 5 ms (`sys.getswitchinterval`) for as long as the export lasts."""


class Export:
    """One export. `chunks` may be iterated once."""

    def __init__(
        self, journal: Journal, batch_id: str, writer: "Writer", found: Found = list
    ) -> None:
        """`found` picks those that a filter finds."""
        self._journal = journal
        self._batch_id = batch_id
        self._writer = writer
        self._found = found
        self.exported = 0
        """How many replays were written so far."""
        self.left_out = 0
        """How many have no end of their own yet, or can't be written in this format."""
        self.filtered = 0
        """How many the filter did not find."""

    def chunks(self) -> Iterator[bytes]:
        """Yields the capture in chunks of CHUNK bytes; none when it is empty.

        Raises ReplaydError: BATCH_NOT_FOUND, SEQUENCE_COMPACTED where the event that ended
        a replay is gone, or (JournalError) where one is damaged.
        """
        return _regrouped(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        yield self._writer.head
        rested = time.monotonic()
        for past in self._history():
            between = self._writer.between if self.exported else b""
            written = False
            for piece in self._written(past):
                yield piece if written else between + piece
                written = True
            self.exported += written
            self.left_out += not written
            if time.monotonic() - rested > _WORK:
                time.sleep(_PAUSE)
                rested = time.monotonic()
        yield self._writer.tail

    def _history(self) -> Iterator[Past]:
        after = -1
        while page := self._journal.history(self._batch_id, after, _STEP):
            found = self._found(page)
            self.filtered += len(page) - len(found)
            yield from found
            after = page[-1].key.slot

    def _written(self, past: Past) -> Iterable[bytes]:
        if past.event:
            return self._writer.write(self._replayed(past))
        if past.state in OUTCOMES - {ReplayState.CLEARED}:
            raise ReplaydError(
                Reason.SEQUENCE_COMPACTED,
                f"the event that ended replay {past.key.replay_id} was removed by retention, so "
                "the batch can't be exported any more",
                replay_id=past.key.replay_id,
            )
        return ()

    def _replayed(self, past: Past) -> Replayed:
        message = flow_pb2.Flow.FromString(past.flow)
        recorded = self._content(past.key, Part.RECORDED, past.recorded_content)
        outcome = decode_outcome(past.event, past.withheld)
        # A failed replay's content is not kept whole: its event has the first bytes.
        content = self._content(past.key, Part.RESPONSE, past.response_content)
        messages: tuple[WebSocketMessage, ...] = ()
        if outcome.websocket is not None:
            kept, content = content, b""
            messages = tuple(decode_conversation((kept,))) or outcome.websocket.messages
        return Replayed(
            past.key,
            past.attempt,
            decode_flow(
                message,
                self._content(past.key, Part.REQUEST, past.request_content),
                None if message.response.content_missing else recorded,
            ),
            decode_plan(past.plan),
            outcome,
            content or outcome.content_prefix,
            messages,
        )

    def _content(self, key: ReplayKey, part: Part, travelled: bytes | None) -> bytes:
        if travelled is not None:
            return travelled
        return b"".join(self._journal.content(key, part))


def _regrouped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        if len(buffer) + len(piece) < CHUNK:
            buffer += piece
            continue
        for start in range(0, len(piece), CHUNK):
            buffer += piece[start : start + CHUNK]
            if len(buffer) >= CHUNK:
                yield bytes(buffer[:CHUNK])
                del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)

"""JournalService: looking after the journal while it is used."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

from flowreplay.v1 import journal_pb2

from replayd.access.roles import Role
from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.rpc.calls import Call, Methods, Service, stream

TOLD_SECONDS = 0.5
"""How often a client hears how far its copy has come."""

_log = logging.getLogger(__name__)


class JournalService(Service):
    """Answers the calls of `flowreplay.v1.JournalService`. At a stop a copy is given up."""

    name = journal_pb2.DESCRIPTOR.services_by_name["JournalService"].full_name

    def methods(self) -> Methods:
        """Makes the table of the service's RPCs."""
        return {"BackUp": stream(Role.ADMIN, self.back_up, journal_pb2.BackUpRequest)}

    async def back_up(
        self, request: journal_pb2.BackUpRequest, _: Call
    ) -> AsyncGenerator[bytes, None]:
        """BackUp."""
        self.refuse_when_stopping()
        copy = _Copy(self, request.folder)
        cursor = self.cursor()
        making = asyncio.create_task(asyncio.to_thread(copy.make))
        try:
            while not making.done():
                yield copy.progress(cursor)
                await asyncio.wait({making}, timeout=TOLD_SECONDS)
            await making
            _log.info("the journal was copied to %s: %d bytes", request.folder, copy.copied)
            yield copy.progress(cursor, done=True)
        finally:
            copy.wanted = False
            with contextlib.suppress(ReplaydError):
                await making


class _Copy:
    """A copy in the making, by a thread; the event loop looks on."""

    def __init__(self, service: Service, folder: str) -> None:
        self._service = service
        self._folder = folder
        self.wanted = True
        """Whether anybody still waits for it."""
        self.copied = 0
        self._total = 0

    def make(self) -> None:
        """Makes it. Raises ReplaydError."""
        if not self._folder:
            raise ReplaydError(Reason.INVALID_OPTIONS, "folder: name one", field="folder")
        self.copied = self._service.journal.back_up(Path(self._folder), self._note)

    def progress(self, cursor: str, *, done: bool = False) -> bytes:
        """Says how far it is."""
        return journal_pb2.BackUpResponse(
            copied_bytes=self.copied,
            total_bytes=max(self._total, self.copied),
            done=done,
            cursor=cursor,
        ).SerializeToString()

    def _note(self, copied: int, total: int) -> None:
        self._service.refuse_when_stopping()
        if not self.wanted:
            raise ReplaydError(Reason.CANCELLED, "nobody waits for the copy any more")
        self.copied, self._total = copied, total

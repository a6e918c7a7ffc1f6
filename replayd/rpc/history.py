"""HistoryService: what became of batches."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from flowreplay.v1 import history_pb2, replay_pb2

from replayd.access.roles import Role
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.reasons import Reason
from replayd.rpc.calls import Call, Methods, Service, stream, unary
from replayd.rpc.export import Export
from replayd.rpc.filtering import Filtering
from replayd.rpc.listing import Listing
from replayd.rpc.shown import Shown

if TYPE_CHECKING:
    from replayd.comparer.process import ComparerSettings
    from replayd.formats.writers import Writer
    from replayd.rpc.diff import Diff

MAX_DIFFS = 4
"""Diffs at once, of all clients: each has a process of its own."""

_KNOWN = frozenset(replay_pb2.CaptureFormat.values())


class HistoryService(Service):
    """Answers the calls of `flowreplay.v1.HistoryService`.

    At a stop a stream ends where it is: whoever asked can ask again later.
    """

    name = history_pb2.DESCRIPTOR.services_by_name["HistoryService"].full_name

    def __init__(
        self,
        journal: Journal,
        filtering: Filtering,
        shown: Shown,
        comparer_settings: "Callable[[], ComparerSettings]",
    ) -> None:
        """`comparer_settings`: what the processes that compare are told."""
        super().__init__(journal)
        self._filtering = filtering
        self._shown = shown
        self._comparer_settings = comparer_settings
        self._diffs = 0

    def methods(self) -> Methods:
        """Makes the table of the service's RPCs."""
        return {
            "Diff": stream(Role.READ, self.diff, history_pb2.DiffRequest),
            "Export": stream(Role.SECRETS, self.export, history_pb2.ExportRequest),
            "ListBatches": unary(Role.READ, self.list_batches, history_pb2.ListBatchesRequest),
            "GetReplay": stream(Role.READ, self.get_replay, history_pb2.GetReplayRequest),
            "ListReplays": unary(Role.READ, self.list_replays, history_pb2.ListReplaysRequest),
            "Summarize": unary(Role.READ, self.summarize, history_pb2.SummarizeRequest),
        }

    async def export(
        self, request: history_pb2.ExportRequest, _: Call
    ) -> AsyncGenerator[bytes, None]:
        """Export."""
        self.refuse_when_stopping()
        found = self._filtering.found(request.filter, reveal=True)
        export = Export(self.journal, _batch_id(request), _writer(request.format), found)
        # Raises BATCH_NOT_FOUND.
        await asyncio.to_thread(self.journal.count, request.batch_id)
        await self._filtering.check(request.filter)
        cursor = self.cursor()
        yield _response(b"", export, cursor)
        chunks = export.chunks()
        while chunk := await asyncio.to_thread(next, chunks, b""):
            self.refuse_when_stopping()
            yield _response(chunk, export, cursor)
        # What came after the last chunk was only left out.
        yield _response(b"", export, cursor)

    async def get_replay(
        self, request: history_pb2.GetReplayRequest, call: Call
    ) -> AsyncGenerator[bytes, None]:
        """GetReplay."""
        from replayd.rpc.replay import Told  # noqa: PLC0415 - it loads all of planning

        self.refuse_when_stopping()
        if request.reveal_secrets:
            call.caller.require(Role.SECRETS)
        cursor = self.cursor()
        responses = Told(self.journal, self._shown, request).responses()
        while (response := await asyncio.to_thread(next, responses, None)) is not None:
            self.refuse_when_stopping()
            response.cursor = cursor
            yield response.SerializeToString()

    async def diff(
        self, request: history_pb2.DiffRequest, call: Call
    ) -> AsyncGenerator[bytes, None]:
        """Diff."""
        self.refuse_when_stopping()
        if request.reveal_secrets:
            call.caller.require(Role.SECRETS)
        if self._diffs >= MAX_DIFFS:
            raise ReplaydError(
                Reason.TOO_MANY_CALLS,
                f"{MAX_DIFFS} diffs are under way, which is the limit; try again when one has "
                "ended",
                limit=MAX_DIFFS,
            )
        # Imported here: many daemons never compare anything.
        from replayd.rpc.diff import Diff  # noqa: PLC0415

        self._diffs += 1
        try:
            # In a thread: to compile the expressions of rules may take seconds.
            diff = await asyncio.to_thread(
                Diff, self.journal, self._shown, request, self._comparer_settings()
            )
            # Raises BATCH_NOT_FOUND.
            await asyncio.to_thread(self.journal.count, request.batch_id)
            async with aclosing(_diff_responses(diff, self.cursor())) as responses:
                async for response in responses:
                    self.refuse_when_stopping()
                    yield response
        finally:
            self._diffs -= 1

    async def list_replays(
        self, request: history_pb2.ListReplaysRequest, _: Call
    ) -> history_pb2.ListReplaysResponse:
        """ListReplays."""
        self.refuse_when_stopping()
        await self._filtering.check(request.filter)
        found = self._filtering.found(request.filter, reveal=False)
        listing = Listing(self.journal, self._shown, request, found)
        cursor = self.cursor()
        replays = await asyncio.to_thread(listing.page)
        return history_pb2.ListReplaysResponse(
            replays=replays, next_page_token=listing.next_page_token, cursor=cursor
        )

    async def summarize(
        self, request: history_pb2.SummarizeRequest, _: Call
    ) -> history_pb2.SummarizeResponse:
        """Summarize."""
        # Imported here: many daemons are never asked.
        from replayd.rpc.summarize import summarize  # noqa: PLC0415

        self.refuse_when_stopping()
        cursor = self.cursor()
        response = await asyncio.to_thread(summarize, self.journal, self._shown, request)
        response.cursor = cursor
        return response

    async def list_batches(
        self, request: history_pb2.ListBatchesRequest, _: Call
    ) -> history_pb2.ListBatchesResponse:
        """ListBatches."""
        # Imported here: most daemons are never asked.
        from replayd.rpc.batch_listing import batch_page  # noqa: PLC0415

        self.refuse_when_stopping()
        return await asyncio.to_thread(batch_page, self.journal, request, self.cursor())


async def _diff_responses(diff: "Diff", cursor: str) -> AsyncGenerator[bytes, None]:
    """Yields the responses of a Diff, whose process ends with them."""
    steps = diff.steps()
    step: asyncio.Future[list[history_pb2.ReplayDiff] | None] | None = None
    try:
        yield history_pb2.DiffResponse(cursor=cursor).SerializeToString()
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, steps, None))
            # A step that was begun ends, also when nobody wants it any more.
            found = await asyncio.shield(step)
            if found or found is None:
                yield history_pb2.DiffResponse(
                    diffs=found or (),
                    compared_count=diff.compared,
                    different_count=diff.different,
                    left_out_count=diff.left_out,
                    cursor=cursor,
                ).SerializeToString()
            if found is None:
                return
    finally:
        if step is not None and not step.done():
            await asyncio.wait((step,))
        await asyncio.to_thread(diff.close)


def _batch_id(request: history_pb2.ExportRequest) -> str:
    if not request.batch_id:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            "batch_id is empty; name the batch, as Enqueue's answer does",
            field="batch_id",
        )
    return request.batch_id


def _writer(number: replay_pb2.CaptureFormat.ValueType) -> "Writer":
    # Imported here: the formats take a while to load, and many daemons never export.
    from replayd.formats.writers import WRITERS  # noqa: PLC0415

    names = {f"CAPTURE_FORMAT_{each.name}": writer for each, writer in WRITERS.items()}
    name = replay_pb2.CaptureFormat.Name(number) if number in _KNOWN else ""
    if name not in names:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            f"format {number} is not written; name one of {', '.join(names)}",
            field="format",
        )
    return names[name]


def _response(chunk: bytes, export: Export, cursor: str) -> bytes:
    return history_pb2.ExportResponse(
        chunk=chunk,
        exported_count=export.exported,
        left_out_count=export.left_out,
        filtered_count=export.filtered,
        cursor=cursor,
    ).SerializeToString()

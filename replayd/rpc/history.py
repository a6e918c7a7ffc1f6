"""HistoryService: what became of batches."""

import asyncio
from collections.abc import AsyncGenerator

from flowreplay.v1 import history_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.formats import Format
from replayd.formats.writers import WRITERS, Writer
from replayd.reasons import Reason
from replayd.rpc.calls import Context, Handlers, Service, stream_handler
from replayd.rpc.export import Export

FORMATS = {
    replay_pb2.CAPTURE_FORMAT_MITMPROXY: Format.MITMPROXY,
    replay_pb2.CAPTURE_FORMAT_HAR: Format.HAR,
    replay_pb2.CAPTURE_FORMAT_GOREPLAY: Format.GOREPLAY,
}
"""The formats that are written."""

_NAMES = [replay_pb2.CaptureFormat.Name(number) for number in FORMATS]


class HistoryService(Service):
    """Answers the calls of `flowreplay.v1.HistoryService`.

    At a stop a stream ends where it is: whoever asked can ask again later.
    """

    name = history_pb2.DESCRIPTOR.services_by_name["HistoryService"].full_name

    def handlers(self) -> Handlers:
        """Makes the table of gRPC's handlers."""
        return {"Export": stream_handler(self.export, history_pb2.ExportRequest)}

    async def export(
        self, request: history_pb2.ExportRequest, _: Context
    ) -> AsyncGenerator[bytes, None]:
        """Export."""
        self.refuse_when_stopping()
        export = Export(self.journal, _batch_id(request), _writer(request.format))
        # Raises BATCH_NOT_FOUND.
        await asyncio.to_thread(self.journal.count, request.batch_id)
        cursor = self.cursor()
        yield _response(b"", export, cursor)
        chunks = export.chunks()
        while chunk := await asyncio.to_thread(next, chunks, b""):
            self.refuse_when_stopping()
            yield _response(chunk, export, cursor)
        # What came after the last chunk was only left out.
        yield _response(b"", export, cursor)


def _batch_id(request: history_pb2.ExportRequest) -> str:
    if not request.batch_id:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            "batch_id is empty; name the batch, as Enqueue's answer does",
            field="batch_id",
        )
    return request.batch_id


def _writer(number: replay_pb2.CaptureFormat.ValueType) -> Writer:
    try:
        return WRITERS[FORMATS[number]]
    except KeyError as error:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            f"format {number} is not written; name one of {', '.join(_NAMES)}",
            field="format",
        ) from error


def _response(chunk: bytes, export: Export, cursor: str) -> bytes:
    return history_pb2.ExportResponse(
        chunk=chunk,
        exported_count=export.exported,
        left_out_count=export.left_out,
        cursor=cursor,
    ).SerializeToString()

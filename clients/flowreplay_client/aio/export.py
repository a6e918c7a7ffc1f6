"""The asynchronous export: what `flowreplay_client.Export` is, for tasks."""

from collections.abc import AsyncIterator

from flowreplay.v1.history_pb2 import ExportResponse

from flowreplay_client.aio.stream import Stream, StreamedCall


class Export(StreamedCall[ExportResponse], AsyncIterator[bytes]):
    """The capture's bytes, in pieces; see `flowreplay_client.Export`."""

    def __init__(self, call: Stream[ExportResponse], address: str, timeout: float) -> None:
        super().__init__(call, address, timeout)
        self.exported_count = 0
        """How many replays came so far."""
        self.left_out_count = 0
        """How many of the batch were left out so far."""
        self.filtered_count = 0
        """How many the filter left out so far."""

    async def __anext__(self) -> bytes:
        response = await self._next_response()
        self.exported_count = response.exported_count
        self.left_out_count = response.left_out_count
        self.filtered_count = response.filtered_count
        return response.chunk

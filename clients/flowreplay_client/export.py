"""A batch's capture on its way from the daemon: an iterator of its bytes."""

from collections.abc import Iterator

from flowreplay.v1.history_pb2 import ExportRequest, ExportResponse

from flowreplay_client.messages import format_number
from flowreplay_client.stream import Stream, StreamedCall


def export_request(batch_id: str, format: str, filter: str) -> ExportRequest:  # noqa: A002
    """Builds the request; raises ValueError for a format that there is not."""
    return ExportRequest(batch_id=batch_id, format=format_number(format), filter=filter)


class Export(StreamedCall[ExportResponse], Iterator[bytes]):
    """The capture's bytes, in pieces: it is whole when the iteration ends by itself.

    When the constructor returns, the daemon has begun. Raises ReplaydClientError; what
    broke off may be asked for again.
    """

    def __init__(self, call: Stream[ExportResponse], address: str, timeout: float) -> None:
        super().__init__(call, address, timeout)
        self.exported_count = 0
        """How many replays came so far."""
        self.left_out_count = 0
        """How many of the batch were left out so far: those that have not ended or were
        cleared, and those that the format has no way to hold."""
        self.filtered_count = 0
        """How many the filter left out so far."""

    def __next__(self) -> bytes:
        response = self._next_response()
        self.exported_count = response.exported_count
        self.left_out_count = response.left_out_count
        self.filtered_count = response.filtered_count
        return response.chunk

"""A batch's capture on its way from the daemon: an iterator of its bytes."""

from collections.abc import Iterator
from typing import Self

import grpc
from flowreplay.v1.history_pb2 import ExportRequest, ExportResponse

from flowreplay_client.errors import error_from, late_answer
from flowreplay_client.messages import format_number
from flowreplay_client.stream import Stream, first_response


def export_request(batch_id: str, format: str, filter: str) -> ExportRequest:  # noqa: A002
    """Builds the request; raises ValueError for a format that there is not."""
    return ExportRequest(batch_id=batch_id, format=format_number(format), filter=filter)


class Export(Iterator[bytes]):
    """The capture's bytes, in pieces: it is whole when the iteration ends by itself.

    When the constructor returns, the daemon has begun. Raises ReplaydClientError; what
    broke off may be asked for again.
    """

    def __init__(self, call: Stream[ExportResponse], address: str, timeout: float) -> None:
        self._call = call
        self._address = address
        self.exported_count = 0
        """How many replays came so far."""
        self.left_out_count = 0
        """How many of the batch were left out so far: those that have not ended or were
        cleared, and those that the format has no way to hold."""
        self.filtered_count = 0
        """How many the filter left out so far."""
        try:
            first_response(call, timeout, address)
        except grpc.RpcError as failure:
            raise error_from(failure, address) from None
        except TimeoutError:
            raise late_answer(address) from None

    def close(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        try:
            response = next(self._call)
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None
        self.exported_count = response.exported_count
        self.left_out_count = response.left_out_count
        self.filtered_count = response.filtered_count
        return response.chunk

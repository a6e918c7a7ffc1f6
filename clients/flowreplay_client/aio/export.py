"""The asynchronous export: what `flowreplay_client.Export` is, for tasks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, Self

import grpc
from flowreplay.v1.history_pb2 import ExportResponse

from flowreplay_client.errors import error_from, late_answer, silent_stream


class Stream(Protocol):
    """What grpc.aio returns for a call that answers with a stream."""

    def __aiter__(self) -> AsyncIterator[ExportResponse]: ...
    def cancel(self) -> bool:
        """Ends the call."""
        ...


class Export(AsyncIterator[bytes]):
    """The capture's bytes, in pieces; see `flowreplay_client.Export`."""

    def __init__(self, call: Stream, address: str, timeout: float) -> None:
        self._call = call
        self._responses = aiter(call)
        self._address = address
        self._timeout = timeout
        self.exported_count = 0
        """How many replays came so far."""
        self.left_out_count = 0
        """How many of the batch were left out so far."""
        self.filtered_count = 0
        """How many the filter left out so far."""

    async def open(self) -> None:
        """Waits until the daemon has begun; `Client.export` has called it."""
        try:
            async with asyncio.timeout(self._timeout):
                await anext(self._responses)
        except StopAsyncIteration:
            raise silent_stream(self._address) from None
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None
        except TimeoutError:
            self.close()
            raise late_answer(self._address) from None

    def close(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    async def __anext__(self) -> bytes:
        try:
            response = await anext(self._responses)
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None
        self.exported_count = response.exported_count
        self.left_out_count = response.left_out_count
        self.filtered_count = response.filtered_count
        return response.chunk

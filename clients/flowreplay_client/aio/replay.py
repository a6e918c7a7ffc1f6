"""All that is kept of one replay: what `flowreplay_client.KeptReplay` is, for tasks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, Self

import grpc
from flowreplay.v1.history_pb2 import ContentPiece, GetReplayResponse, ReplayDetails

from flowreplay_client.errors import error_from, late_answer, silent_stream


class Stream(Protocol):
    """What grpc.aio returns for a call that answers with a stream."""

    def __aiter__(self) -> AsyncIterator[GetReplayResponse]: ...
    def cancel(self) -> bool:
        """Ends the call."""
        ...


class KeptReplay(AsyncIterator[ContentPiece]):
    """The contents that were asked for, in pieces; `details` has all the rest."""

    def __init__(self, call: Stream, address: str, timeout: float) -> None:
        self._call = call
        self._responses = aiter(call)
        self._address = address
        self._timeout = timeout
        self.details = ReplayDetails()

    async def open(self) -> None:
        """Waits for the details; `Client.replay` has called it."""
        try:
            async with asyncio.timeout(self._timeout):
                self.details = (await anext(self._responses)).details
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

    async def __anext__(self) -> ContentPiece:
        try:
            return (await anext(self._responses)).piece
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None

"""The asynchronous diffs: what `flowreplay_client.Diffs` is, for tasks."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol, Self

import grpc
from flowreplay.v1.history_pb2 import DiffResponse, ReplayDiff

from flowreplay_client.errors import error_from, late_answer, silent_stream


class Stream(Protocol):
    """What grpc.aio returns for a call that answers with a stream."""

    def __aiter__(self) -> AsyncIterator[DiffResponse]: ...
    def cancel(self) -> bool:
        """Ends the call."""
        ...


class Diffs(AsyncIterator[ReplayDiff]):
    """The replays whose responses differ; see `flowreplay_client.Diffs`."""

    def __init__(self, call: Stream, address: str, timeout: float) -> None:
        self._call = call
        self._responses = aiter(call)
        self._address = address
        self._timeout = timeout
        self._waiting: deque[ReplayDiff] = deque()
        self.compared_count = 0
        """How many replays were compared so far."""
        self.different_count = 0
        """How many of them differ."""
        self.left_out_count = 0
        """How many have no response, or no recorded one."""

    async def open(self) -> None:
        """Waits until the daemon has begun; `Client.diff` has called it."""
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

    async def __anext__(self) -> ReplayDiff:
        while not self._waiting:
            try:
                response = await anext(self._responses)
            except grpc.RpcError as failure:
                raise error_from(failure, self._address) from None
            self.compared_count = response.compared_count
            self.different_count = response.different_count
            self.left_out_count = response.left_out_count
            self._waiting.extend(response.diffs)
        return self._waiting.popleft()

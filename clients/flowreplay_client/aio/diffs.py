"""The asynchronous diffs: what `flowreplay_client.Diffs` is, for tasks."""

from collections import deque
from collections.abc import AsyncIterator

from flowreplay.v1.history_pb2 import DiffResponse, ReplayDiff

from flowreplay_client.aio.stream import Stream, StreamedCall


class Diffs(StreamedCall[DiffResponse], AsyncIterator[ReplayDiff]):
    """The replays whose responses differ; see `flowreplay_client.Diffs`."""

    def __init__(self, call: Stream[DiffResponse], address: str, timeout: float) -> None:
        super().__init__(call, address, timeout)
        self._waiting: deque[ReplayDiff] = deque()
        self.compared_count = 0
        """How many replays were compared so far."""
        self.different_count = 0
        """How many of them differ."""
        self.left_out_count = 0
        """How many have no response, or no recorded one."""

    async def __anext__(self) -> ReplayDiff:
        while not self._waiting:
            response = await self._next_response()
            self.compared_count = response.compared_count
            self.different_count = response.different_count
            self.left_out_count = response.left_out_count
            self._waiting.extend(response.diffs)
        return self._waiting.popleft()

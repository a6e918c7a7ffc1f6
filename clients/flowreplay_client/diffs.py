"""The responses of a batch beside the recorded ones, on their way from the daemon."""

from collections import deque
from collections.abc import Iterator

from flowreplay.v1.history_pb2 import DiffResponse, ReplayDiff

from flowreplay_client.stream import Stream, StreamedCall


class Diffs(StreamedCall[DiffResponse], Iterator[ReplayDiff]):
    """The replays whose responses differ, in the order of the batch: all of them when the
    iteration ends by itself.

    When the constructor returns, the daemon has begun. Raises ReplaydClientError; what
    broke off may be asked for again.
    """

    def __init__(self, call: Stream[DiffResponse], address: str, timeout: float) -> None:
        super().__init__(call, address, timeout)
        self._waiting: deque[ReplayDiff] = deque()
        self.compared_count = 0
        """How many replays were compared so far."""
        self.different_count = 0
        """How many of them differ."""
        self.left_out_count = 0
        """How many have no response, or no recorded one."""

    def __next__(self) -> ReplayDiff:
        while not self._waiting:
            response = self._next_response()
            self.compared_count = response.compared_count
            self.different_count = response.different_count
            self.left_out_count = response.left_out_count
            self._waiting.extend(response.diffs)
        return self._waiting.popleft()

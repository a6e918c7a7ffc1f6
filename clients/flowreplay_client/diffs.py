"""The responses of a batch beside the recorded ones, on their way from the daemon."""

from collections import deque
from collections.abc import Iterator
from typing import Self

import grpc
from flowreplay.v1.history_pb2 import DiffResponse, ReplayDiff

from flowreplay_client.errors import error_from, late_answer
from flowreplay_client.stream import Stream, first_response


class Diffs(Iterator[ReplayDiff]):
    """The replays whose responses differ, in the order of the batch: all of them when the
    iteration ends by itself.

    When the constructor returns, the daemon has begun. Raises ReplaydClientError; what
    broke off may be asked for again.
    """

    def __init__(self, call: Stream[DiffResponse], address: str, timeout: float) -> None:
        self._call = call
        self._address = address
        self._waiting: deque[ReplayDiff] = deque()
        self.compared_count = 0
        """How many replays were compared so far."""
        self.different_count = 0
        """How many of them differ."""
        self.left_out_count = 0
        """How many have no response, or no recorded one."""
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

    def __next__(self) -> ReplayDiff:
        while not self._waiting:
            try:
                response = next(self._call)
            except grpc.RpcError as failure:
                raise error_from(failure, self._address) from None
            self.compared_count = response.compared_count
            self.different_count = response.different_count
            self.left_out_count = response.left_out_count
            self._waiting.extend(response.diffs)
        return self._waiting.popleft()

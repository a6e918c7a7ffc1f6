"""What an Enqueue would send, on its way from the daemon: an iterator of planned flows."""

from collections.abc import Callable, Iterator
from typing import Self

import grpc
from flowreplay.v1.replay_pb2 import (
    PlanFlowsRequest,
    PlanFlowsResponse,
    PlannedFlow,
    PlanSummary,
)

from flowreplay_client.conversation import Call, Conversation
from flowreplay_client.errors import error_from


class Plans(Iterator[PlannedFlow]):
    """The flows as they would be sent, in their order, without the refused ones.

    Raises ReplaydClientError as the Enqueue would, and what reading the source raises, in
    the thread that iterates. A plan has no effects, so a broken one is not repeated here.
    """

    def __init__(
        self,
        begin: Callable[[Iterator[PlanFlowsRequest]], Call[PlanFlowsResponse]],
        messages: Iterator[PlanFlowsRequest],
        address: str,
    ) -> None:
        self.summary: PlanSummary | None = None
        """What would become of all flows, with the refused ones: there when the iteration
        has ended, also when it ended because a strict call refuses them all."""
        self._address = address
        self._closed = False
        self._conversation = Conversation(begin)
        self._flows = self._follow(messages)

    def close(self) -> None:
        """Ends the iteration, also one that waits in another thread. Idempotent."""
        self._closed = True
        self._conversation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __next__(self) -> PlannedFlow:
        if self._closed:
            raise StopIteration
        return next(self._flows)

    def _follow(self, messages: Iterator[PlanFlowsRequest]) -> Iterator[PlannedFlow]:
        try:
            for answer in self._conversation.talk(messages):
                if answer.HasField("summary"):
                    self.summary = answer.summary
                yield from answer.flows
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None

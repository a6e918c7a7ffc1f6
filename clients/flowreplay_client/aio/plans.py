"""The asynchronous plans: what `flowreplay_client.Plans` is, for tasks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Self

from flowreplay.v1.replay_pb2 import PlannedFlow, PlanSummary

import flowreplay_client


class Plans(AsyncIterator[PlannedFlow]):
    """The flows as they would be sent; see `flowreplay_client.Plans`.

    Like an Enqueue they run in worker threads, on a connection of their own, which ends
    with the iteration: leave it early by `close`, or use `async with`.
    """

    def __init__(
        self,
        client: flowreplay_client.Client,
        begin: Callable[[flowreplay_client.Client], flowreplay_client.Plans],
    ) -> None:
        """`client` is closed with it, also when it can't `begin`."""
        self._client = client
        try:
            self._plans = begin(client)
        except (ValueError, OSError):
            client.close()
            raise

    @property
    def summary(self) -> PlanSummary | None:
        """What would become of all flows: there when the iteration has ended."""
        return self._plans.summary

    async def close(self) -> None:
        """Ends the iteration and its connection. Idempotent."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._plans.close()
        self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def __anext__(self) -> PlannedFlow:
        flow = None
        try:
            flow = await asyncio.to_thread(next, self._plans, None)
        finally:
            # Ended, failed or cancelled: a thread may still wait for the next one.
            if flow is None:
                await self.close()
        if flow is None:
            raise StopAsyncIteration
        return flow

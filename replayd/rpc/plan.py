"""PlanFlows: what an Enqueue of the same messages would send, told and not kept.

The decoder's rows hold the plans; here they are fitted to the upstream as the replay
thread would fit them, and cut to what the client wants to see. The journal is not touched.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import NamedTuple

from flowreplay.v1 import replay_pb2

from replayd.codec.plan import decode_plan, encode_plan
from replayd.codec.row import decode_rows
from replayd.intake.pool import DecoderPool
from replayd.model.plan import Plan
from replayd.model.replay import Row
from replayd.rpc.contents import content_limit
from replayd.rpc.convert import plan_summary, planned_flow, planned_websocket
from replayd.rpc.incoming import check_strict, opening, with_first
from replayd.rpc.under_way import UnderWay

MAX_BYTES = 1 << 20
"""What one answer holds at most, but for a single larger flow."""

_log = logging.getLogger(__name__)


class Planned(NamedTuple):
    """An answer in the making."""

    flows: list[bytes]
    """Encoded PlannedFlows."""
    summary: replay_pb2.PlanSummary | None = None
    """Of the whole stream: nothing follows."""


class Planner:
    """Takes PlanFlows streams. Lives on one event loop."""

    def __init__(
        self, decoders: DecoderPool, as_sent: Callable[[Plan], Plan], upstream: str = ""
    ) -> None:
        """`as_sent` fits a plan to the upstream, whose name for people is `upstream`."""
        self._decoders = decoders
        self._as_sent = as_sent
        self._upstream = upstream
        self._under_way: UnderWay[None] = UnderWay(
            "the daemon stopped before it had planned everything"
        )

    async def plan(
        self, messages: AsyncIterator[bytes], *, client: str
    ) -> AsyncGenerator[Planned, None]:
        """Takes the encoded PlanFlowsRequests of one stream of a client; yields what to answer.

        Raises ReplaydError for all that the contract lists.
        """
        answers = _Answers()
        planning = self._under_way.begin(self._plan(messages, answers, client))
        planning.add_done_callback(lambda _: answers.end())
        try:
            while (answer := await answers.take()) is not None:
                yield answer
            await self._under_way.result(planning)
        finally:
            planning.cancel()
            await asyncio.wait({planning})
            # Read, so that nobody complains that it never was.
            planning.cancelled() or planning.exception()

    async def stop(self) -> None:
        """Gives up every stream under way and waits until nothing of it is left."""
        await self._under_way.stop()

    async def _plan(self, messages: AsyncIterator[bytes], answers: "_Answers", client: str) -> None:
        first = await anext(messages, None)
        request = opening(first or b"", replay_pb2.PlanFlowsRequest)
        limit = content_limit(request)
        async with self._decoders.lend(client) as worker:
            async with aclosing(worker.decode(with_first(first, messages))) as groups:
                async for group in groups:
                    for flows in await asyncio.to_thread(self._pack, group, limit):
                        await worker.while_client_reads(answers.put(Planned(flows)))
            summary = worker.summary
        await answers.put(Planned([], plan_summary(summary)))
        _log.info("planned %d flows, %d refused", summary.accepted, summary.refused)
        check_strict(request.options, summary)

    def _pack(self, group: bytes, limit: int) -> list[list[bytes]]:
        """Makes the PlannedFlows of a group of rows, in lists that fit in one answer each."""
        packed: list[list[bytes]] = []
        room = 0
        for flow in self._planned(decode_rows(group), limit):
            if len(flow) > room:
                packed.append([])
                room = MAX_BYTES
            packed[-1].append(flow)
            room -= len(flow)
        return packed

    def _planned(self, rows: Iterator[Row], limit: int) -> Iterator[bytes]:
        for row in rows:
            plan = decode_plan(row.plan)
            sent = self._as_sent(plan)
            encoded = row.plan if sent is plan else encode_plan(sent)
            told = planned_flow if plan.websocket is None else planned_websocket
            yield told(encoded, row.request_content, limit, self._upstream)


class _Answers:
    """Hands answers over: whoever makes them is one ahead of whoever takes them at most."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Planned | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(1)

    async def put(self, answer: Planned) -> None:
        """Hands an answer over; waits while another one has not been taken."""
        await self._room.acquire()
        self._waiting.put_nowait(answer)

    def end(self) -> None:
        """Says that no answer follows; never waits."""
        self._waiting.put_nowait(None)

    async def take(self) -> Planned | None:
        """Takes the next answer; None: none follows."""
        answer = await self._waiting.get()
        self._room.release()
        return answer

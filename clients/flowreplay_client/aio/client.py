"""The asynchronous client: one method a call, each a thin layer over the shared parts."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Self, TypeVar, Unpack

import grpc
from flowreplay.v1 import replay_pb2 as pb
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.history_pb2 import Batch, ListBatchesRequest, Replay, SummarizeResponse
from flowreplay.v1.history_pb2_grpc import HistoryServiceStub
from flowreplay.v1.hook_pb2_grpc import HookServiceStub
from flowreplay.v1.journal_pb2 import BackUpRequest, BackUpResponse
from flowreplay.v1.journal_pb2_grpc import JournalServiceStub
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub
from google.protobuf.message import Message

import flowreplay_client
from flowreplay_client.access import Access, AccessFiles, find_access
from flowreplay_client.aio.backup import followed
from flowreplay_client.aio.diffs import Diffs
from flowreplay_client.aio.export import Export
from flowreplay_client.aio.hook_run import HookRun
from flowreplay_client.aio.plans import Plans
from flowreplay_client.aio.replay import KeptReplay
from flowreplay_client.aio.watch import Watch
from flowreplay_client.bookmark import Bookmark, Return, WatchSettings
from flowreplay_client.capture import CaptureSource
from flowreplay_client.channel import DEFAULT_TIMEOUT, channel_options
from flowreplay_client.comparing import DiffSettings, diff_request
from flowreplay_client.errors import error_from
from flowreplay_client.export import export_request
from flowreplay_client.hook import Hook
from flowreplay_client.listing import ListSettings, list_request
from flowreplay_client.messages import EnqueueSettings, Progress, resolve_request, retry_request
from flowreplay_client.pace import parse_pace
from flowreplay_client.replay import replay_request
from flowreplay_client.summary import SUMMARY_TIMEOUT, summarize_request
from flowreplay_client.watch import Interruption

Response = TypeVar("Response")


def connect(
    address: str | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    **files: Unpack[AccessFiles],
) -> "Client":
    """Returns a client for the daemon at `address`, as `flowreplay_client.connect` does.

    To be called in the event loop that awaits its methods.
    """
    return Client(find_access(address, os.environ, **files), timeout)


class Client:
    """A connection to one daemon for one event loop; any number of tasks may share it.

    Its methods do what the methods of `flowreplay_client.Client` do.
    """

    def __init__(self, access: Access, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.address = access.address
        self._access = access
        self._timeout = timeout
        self._channel = _channel(access, timeout)
        self._stub = ReplayServiceStub(self._channel)
        self._history = HistoryServiceStub(self._channel)
        self._journal = JournalServiceStub(self._channel)
        self._hooks = HookServiceStub(self._channel)

    async def close(self) -> None:
        """Ends open calls and the connection. Idempotent."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def enqueue_capture(
        self,
        source: CaptureSource,
        *,
        progress: Progress | None = None,
        **settings: Unpack[EnqueueSettings],
    ) -> pb.EnqueueResponse:
        """Adds the flows of a capture to the queue; safe to repeat where the source is.

        The source is read, and `progress(sent_bytes, total_bytes)` called, in a worker
        thread, so that a slow disk does not hold up the event loop. A cancelled call
        queues nothing, unless the daemon had taken everything already; with `stream` what
        was sent before stays queued.
        """
        return await self._enqueue(
            lambda client: client.enqueue_capture(source, progress=progress, **settings)
        )

    async def enqueue(
        self, flows: Iterable[Flow], **settings: Unpack[EnqueueSettings]
    ) -> pb.EnqueueResponse:
        """Adds typed flows to the queue, in their order; `flows` runs in a worker thread."""
        return await self._enqueue(lambda client: client.enqueue(flows, **settings))

    def plan_capture(
        self,
        source: CaptureSource,
        *,
        content_limit: int | None = None,
        **settings: Unpack[EnqueueSettings],
    ) -> Plans:
        """Tells what `enqueue_capture` would send, flow by flow; queues and sends nothing.

        The source is read in worker threads.
        """
        return self._plan(
            lambda client: client.plan_capture(source, content_limit=content_limit, **settings)
        )

    def plan(
        self,
        flows: Iterable[Flow],
        *,
        content_limit: int | None = None,
        **settings: Unpack[EnqueueSettings],
    ) -> Plans:
        """Tells what `enqueue` would send, as `plan_capture` does."""
        return self._plan(
            lambda client: client.plan(flows, content_limit=content_limit, **settings)
        )

    async def count(self, batch_id: str = "") -> pb.CountResponse:
        """Counts replays by state, of all batches or of one."""
        return await self._call(self._stub.Count, pb.CountRequest(batch_id=batch_id))

    async def clear(self, batch_id: str = "") -> pb.ClearResponse:
        """Takes what waits off the queue, of all batches or of one; what runs finishes."""
        return await self._call(self._stub.Clear, pb.ClearRequest(batch_id=batch_id))

    async def pause(self, batch_id: str = "") -> pb.PauseResponse:
        """Pauses the queue, or one batch: what runs finishes, nothing more is taken."""
        return await self._call(self._stub.Pause, pb.PauseRequest(batch_id=batch_id))

    async def resume(self, batch_id: str = "") -> pb.ResumeResponse:
        """Resumes the queue, or one batch."""
        return await self._call(self._stub.Resume, pb.ResumeRequest(batch_id=batch_id))

    async def step(self, batch_id: str = "", count: int = 1) -> pb.StepResponse:
        """Has some replays taken although the queue, or one batch, is paused; returns once they
        were.
        """
        request = pb.StepRequest(batch_id=batch_id, replay_count=count)
        return await self._call(self._stub.Step, request)

    async def set_priority(self, batch_id: str, priority: int) -> pb.SetPriorityResponse:
        """Has batches of a higher priority taken first: from -1000 to 1000."""
        request = pb.SetPriorityRequest(batch_id=batch_id, priority=priority)
        return await self._call(self._stub.SetPriority, request)

    async def set_pace(
        self, batch_id: str, pace: str, max_gap: float | None = None
    ) -> pb.SetPaceResponse:
        """Changes when the replays of a batch are due; as `pace` and `max_gap` of an Enqueue."""
        request = pb.SetPaceRequest(batch_id=batch_id, pace=parse_pace(pace, max_gap))
        return await self._call(self._stub.SetPace, request)

    async def get_pace(self, batch_id: str) -> pb.GetPaceResponse:
        """Tells when the replays of a batch are due, and how late they were."""
        return await self._call(self._stub.GetPace, pb.GetPaceRequest(batch_id=batch_id))

    async def bring_to_front(self, batch_id: str) -> pb.SetPriorityResponse:
        """Has a batch taken before all others, with the highest priority of any."""
        request = pb.SetPriorityRequest(batch_id=batch_id, front=True)
        return await self._call(self._stub.SetPriority, request)

    async def resolve(
        self, resolution: str, replay_ids: Iterable[str] = (), *, batch_id: str = ""
    ) -> pb.ResolveResponse:
        """Resolves parked replays: these, all of one batch, or all that a batch has."""
        request = resolve_request(resolution, replay_ids, batch_id)
        return await self._call(self._stub.Resolve, request)

    async def cancel(self, replay_ids: Iterable[str]) -> pb.CancelResponse:
        """Cancels replays: what waits is taken off the queue, what runs is killed."""
        return await self._call(self._stub.Cancel, pb.CancelRequest(replay_ids=replay_ids))

    async def retry(
        self,
        replay_ids: Iterable[str] = (),
        *,
        batch_id: str = "",
        states: Iterable[str] = (),
        request_id: str = "",
    ) -> pb.RetryResponse:
        """Sends replays that have ended once more, as a new batch."""
        request = retry_request(replay_ids, batch_id, states, request_id)
        try:
            answer: pb.RetryResponse = await self._stub.Retry(
                request, metadata=self._access.metadata()
            )
        except grpc.RpcError as failure:
            raise error_from(failure, self.address) from None
        return answer

    async def set_target_limit(
        self, pattern: str = "", *, rate: float | None = None, close_breaker: bool = False
    ) -> pb.SetTargetLimitResponse:
        """Sets how many replays a second may begin to what fits a pattern."""
        request = pb.SetTargetLimitRequest(
            pattern=pattern, rate_limit=rate, close_breaker=close_breaker
        )
        return await self._call(self._stub.SetTargetLimit, request)

    async def status(self) -> pb.GetStatusResponse:
        """Tells what the daemon is and does."""
        return await self._call(self._stub.GetStatus, pb.GetStatusRequest())

    async def watch(
        self,
        *,
        on_interruption: Interruption | None = None,
        on_return: Return | None = None,
        **settings: Unpack[WatchSettings],
    ) -> Watch:
        """Follows events; returns once the daemon is watching, so that none is missed."""
        watch = Watch(
            self._stub.WatchEvents,
            Bookmark(settings, on_return),
            self._access,
            self._timeout,
            on_interruption,
        )
        await watch.open()
        return watch

    async def summarize(self, batch_id: str, assertions: Iterable[str] = ()) -> SummarizeResponse:
        """Tells what became of a batch in figures, and which assertions about it don't hold."""
        request = summarize_request(batch_id, assertions)
        return await self._call(self._history.Summarize, request, SUMMARY_TIMEOUT)

    async def replays(self, **settings: Unpack[ListSettings]) -> AsyncIterator[Replay]:
        """Lists replays in the order of the queue, asking for a page when it is needed."""
        request = list_request(settings)
        while True:
            page = await self._call(self._history.ListReplays, request)
            for replay in page.replays:
                yield replay
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def hook(
        self,
        hook: Hook,
        *,
        on_interruption: Interruption | None = None,
        on_return: Callable[[], None] | None = None,
    ) -> HookRun:
        """Registers a hook, whose functions may be asynchronous."""
        begin = self._hooks.Hook
        run = HookRun(
            begin,
            hook,
            self._access,
            self._timeout,
            on_interruption=on_interruption,
            on_return=on_return,
        )
        await run.open()
        return run

    async def replay(
        self,
        replay_id: str,
        contents: Iterable[str] = (),
        *,
        content_limit: int | None = None,
        secrets: bool = False,
    ) -> KeptReplay:
        """Returns all that is kept of one replay, with these of its contents in pieces."""
        request = replay_request(replay_id, contents, content_limit, secrets=secrets)
        call = self._history.GetReplay(request, metadata=self._access.metadata())
        kept = KeptReplay(call, self.address, self._timeout)
        await kept.open()
        return kept

    async def batches(self, *, unfinished: bool = False) -> AsyncIterator[Batch]:
        """Lists batches in the order of acceptance; `unfinished`: with something left."""
        request = ListBatchesRequest(unfinished=unfinished)
        while True:
            page = await self._call(self._history.ListBatches, request)
            for batch in page.batches:
                yield batch
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def export(self, batch_id: str, format: str, *, filter: str = "") -> Export:  # noqa: A002
        """Returns a batch, or what a filter finds of it, as a capture, in pieces of bytes."""
        request = export_request(batch_id, format, filter)
        call = self._history.Export(request, metadata=self._access.metadata())
        export = Export(call, self.address, self._timeout)
        await export.open()
        return export

    async def back_up(self, folder: str, *, progress: Progress | None = None) -> BackUpResponse:
        """Copies the journal into a new folder of the daemon's machine, while replays go on."""
        request = BackUpRequest(folder=folder)
        call = self._journal.BackUp(request, metadata=self._access.metadata())
        return await followed(call, progress, self.address, self._timeout)

    async def diff(self, batch_id: str, **settings: Unpack[DiffSettings]) -> Diffs:
        """Compares the responses of a batch with the recorded ones: those that differ, in order."""
        request = diff_request(batch_id, settings)
        call = self._history.Diff(request, metadata=self._access.metadata())
        diffs = Diffs(call, self.address, self._timeout)
        await diffs.open()
        return diffs

    def _plan(self, begin: Callable[[flowreplay_client.Client], flowreplay_client.Plans]) -> Plans:
        return Plans(flowreplay_client.Client(self._access, self._timeout), begin)

    async def _call(
        self,
        method: Callable[..., Awaitable[Response]],
        request: Message,
        at_least: float = 0.0,
    ) -> Response:
        timeout = max(self._timeout, at_least)
        try:
            return await method(request, timeout=timeout, metadata=self._access.metadata())
        except grpc.RpcError as failure:
            raise error_from(failure, self.address) from None

    async def _enqueue(
        self, send: Callable[[flowreplay_client.Client], pb.EnqueueResponse]
    ) -> pb.EnqueueResponse:
        """Runs one Enqueue in a thread, on a connection of its own that ends with the task.

        grpc.aio (1.85) may report "Internal error from Core" in place of the daemon's
        words when the daemon ends a call while a message is being written, as it does at
        a damaged capture; the synchronous stack does not.
        """
        with flowreplay_client.Client(self._access, self._timeout) as client:
            return await asyncio.to_thread(send, client)


def _channel(access: Access, timeout: float) -> grpc.aio.Channel:
    credentials, options = access.credentials(), channel_options(timeout)
    if credentials is None:
        return grpc.aio.insecure_channel(access.address, options=options)
    return grpc.aio.secure_channel(access.address, credentials, options=options)

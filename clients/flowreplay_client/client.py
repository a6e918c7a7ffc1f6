"""The synchronous client: one method a call, each a thin layer over the shared parts."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Self, TypeVar, Unpack

import grpc
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.history_pb2 import Batch, ListBatchesRequest, Replay, SummarizeResponse
from flowreplay.v1.history_pb2_grpc import HistoryServiceStub
from flowreplay.v1.hook_pb2_grpc import HookServiceStub
from flowreplay.v1.journal_pb2 import BackUpRequest, BackUpResponse
from flowreplay.v1.journal_pb2_grpc import JournalServiceStub
from flowreplay.v1.replay_pb2 import (
    CancelRequest,
    CancelResponse,
    ClearRequest,
    ClearResponse,
    CountRequest,
    CountResponse,
    EnqueueRequest,
    EnqueueResponse,
    GetPaceRequest,
    GetPaceResponse,
    GetStatusRequest,
    GetStatusResponse,
    PauseRequest,
    PauseResponse,
    ResolveResponse,
    ResumeRequest,
    ResumeResponse,
    RetryResponse,
    SetPaceRequest,
    SetPaceResponse,
    SetPriorityRequest,
    SetPriorityResponse,
    SetTargetLimitRequest,
    SetTargetLimitResponse,
    StepRequest,
    StepResponse,
)
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub

from flowreplay_client.access import Access, AccessFiles, Metadata, find_access
from flowreplay_client.backup import followed
from flowreplay_client.bookmark import Bookmark, Return, WatchSettings
from flowreplay_client.capture import CaptureSource, open_capture
from flowreplay_client.channel import DEFAULT_TIMEOUT, channel_options
from flowreplay_client.comparing import DiffSettings, diff_request
from flowreplay_client.diffs import Diffs
from flowreplay_client.errors import error_from
from flowreplay_client.export import Export, export_request
from flowreplay_client.hook import Hook
from flowreplay_client.hook_run import HookRun
from flowreplay_client.listing import ListSettings, list_request
from flowreplay_client.messages import (
    EnqueueSettings,
    Progress,
    capture_messages,
    enqueue_options,
    flow_messages,
    plan_messages,
    resolve_request,
    retry_request,
)
from flowreplay_client.outbox import Outbox
from flowreplay_client.pace import parse_pace
from flowreplay_client.plans import Plans
from flowreplay_client.replay import KeptReplay, replay_request
from flowreplay_client.summary import SUMMARY_TIMEOUT, summarize_request
from flowreplay_client.tries import Tries
from flowreplay_client.watch import Interruption, Watch

Request = TypeVar("Request")
Response = TypeVar("Response")


def connect(
    address: str | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    **files: Unpack[AccessFiles],
) -> "Client":
    """Returns a client for the daemon at `address` (`unix:PATH` or `HOST:PORT`).

    Without one, `REPLAYD_ADDRESS` says where, else it is the daemon's default socket.
    `timeout` (seconds) bounds connecting and every call but an Enqueue, a plan, a retry and
    an export, which take as long as their flows, and an open watch. Connects with the first
    call.

    `token_file` holds the token that a daemon on TCP asks for, alone; the one that a daemon
    of this user makes for a loopback address is found without. `ca_file`: PEM certificates
    to trust in place of gRPC's; `client_cert`: PEM with a certificate and its key to show.
    Each of these two asks for TLS, which other than loopback addresses always speak. What is
    not given may stand in `FLOWREPLAY_TOKEN_FILE`, `FLOWREPLAY_CA_FILE`,
    `FLOWREPLAY_CLIENT_CERT`. Raises ValueError when the address has neither form, or a file
    can't be used.
    """
    return Client(find_access(address, os.environ, **files), timeout)


class Client:
    """A connection to one daemon; safe to share between threads.

    Every method raises ReplaydClientError, and Unreachable (one of them) when there is
    no daemon to answer.
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

    def close(self) -> None:
        """Ends open calls and the connection. Idempotent."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def enqueue_capture(
        self,
        source: CaptureSource,
        *,
        progress: Progress | None = None,
        **settings: Unpack[EnqueueSettings],
    ) -> EnqueueResponse:
        """Adds the flows of a capture to the queue: a path, a file, bytes or pieces of them.

        A connection that breaks on the way is no problem for a source that can be read
        again: the call is repeated under its request_id, which queues the flows once.
        `progress(sent_bytes, total_bytes)` is called in this thread. Raises ValueError
        for settings that make no sense and OSError when the source can't be read;
        nothing is queued then, but with `stream` what was sent before.
        """
        options, capture = enqueue_options(settings), open_capture(source)
        return self._enqueue(
            lambda: capture_messages(options, capture, progress),
            Tries(options.request_id, repeatable=capture.repeatable),
        )

    def enqueue(
        self, flows: Iterable[Flow], **settings: Unpack[EnqueueSettings]
    ) -> EnqueueResponse:
        """Adds typed flows to the queue, in their order; `request_flow` builds simple ones.

        Large contents are sent in pieces. Repeated like `enqueue_capture` when `flows`
        is a sequence; an iterator is run in this thread, once. With `stream` its flows
        are sent one by one, as they come; those of a sequence many at a time.
        """
        options = enqueue_options(settings)
        return self._enqueue(
            lambda: flow_messages(options, flows),
            Tries(options.request_id, repeatable=isinstance(flows, Sequence)),
        )

    def plan_capture(
        self,
        source: CaptureSource,
        *,
        content_limit: int | None = None,
        **settings: Unpack[EnqueueSettings],
    ) -> Plans:
        """Tells what `enqueue_capture` would send, flow by flow; queues and sends nothing.

        `content_limit`: how many bytes of each content to show, at most 1 MiB; None: 64
        KiB. The source is read in the thread that iterates.
        """
        messages = capture_messages(enqueue_options(settings), open_capture(source))
        return self._plan(messages, content_limit)

    def plan(
        self,
        flows: Iterable[Flow],
        *,
        content_limit: int | None = None,
        **settings: Unpack[EnqueueSettings],
    ) -> Plans:
        """Tells what `enqueue` would send, as `plan_capture` does."""
        return self._plan(flow_messages(enqueue_options(settings), flows), content_limit)

    def count(self, batch_id: str = "") -> CountResponse:
        """Counts replays by state, of all batches or of one."""
        return self._call(self._stub.Count, CountRequest(batch_id=batch_id))

    def clear(self, batch_id: str = "") -> ClearResponse:
        """Takes what waits off the queue, of all batches or of one; what runs finishes."""
        return self._call(self._stub.Clear, ClearRequest(batch_id=batch_id))

    def pause(self, batch_id: str = "") -> PauseResponse:
        """Pauses the queue, or one batch: what runs finishes, nothing more is taken."""
        return self._call(self._stub.Pause, PauseRequest(batch_id=batch_id))

    def resume(self, batch_id: str = "") -> ResumeResponse:
        """Resumes the queue, or one batch."""
        return self._call(self._stub.Resume, ResumeRequest(batch_id=batch_id))

    def step(self, batch_id: str = "", count: int = 1) -> StepResponse:
        """Has some replays taken although the queue, or one batch, is paused; returns once they
        were.
        """
        request = StepRequest(batch_id=batch_id, replay_count=count)
        return self._call(self._stub.Step, request)

    def set_priority(self, batch_id: str, priority: int) -> SetPriorityResponse:
        """Has batches of a higher priority taken first: from -1000 to 1000."""
        request = SetPriorityRequest(batch_id=batch_id, priority=priority)
        return self._call(self._stub.SetPriority, request)

    def set_pace(self, batch_id: str, pace: str, max_gap: float | None = None) -> SetPaceResponse:
        """Changes when the replays of a batch are due; as `pace` and `max_gap` of an Enqueue."""
        request = SetPaceRequest(batch_id=batch_id, pace=parse_pace(pace, max_gap))
        return self._call(self._stub.SetPace, request)

    def get_pace(self, batch_id: str) -> GetPaceResponse:
        """Tells when the replays of a batch are due, and how late they were."""
        return self._call(self._stub.GetPace, GetPaceRequest(batch_id=batch_id))

    def bring_to_front(self, batch_id: str) -> SetPriorityResponse:
        """Has a batch taken before all others, with the highest priority of any."""
        request = SetPriorityRequest(batch_id=batch_id, front=True)
        return self._call(self._stub.SetPriority, request)

    def resolve(
        self, resolution: str, replay_ids: Iterable[str] = (), *, batch_id: str = ""
    ) -> ResolveResponse:
        """Resolves parked replays: these, all of one batch, or all that a batch has.

        `resolution` is `resend` or `drop`. Raises ValueError for another one.
        """
        return self._call(self._stub.Resolve, resolve_request(resolution, replay_ids, batch_id))

    def cancel(self, replay_ids: Iterable[str]) -> CancelResponse:
        """Cancels replays: what waits is taken off the queue, what runs is killed."""
        return self._call(self._stub.Cancel, CancelRequest(replay_ids=replay_ids))

    def retry(
        self,
        replay_ids: Iterable[str] = (),
        *,
        batch_id: str = "",
        states: Iterable[str] = (),
        request_id: str = "",
    ) -> RetryResponse:
        """Sends replays that have ended once more, as a new batch: these, all of one batch, or
        those of a batch that have one of these states (`failed` unless said otherwise).

        Takes as long as copying them does. Raises ValueError for a state that there is not.
        """
        request = retry_request(replay_ids, batch_id, states, request_id)
        try:
            return self._stub.Retry(request, metadata=self._access.metadata())
        except grpc.RpcError as failure:
            raise error_from(failure, self.address) from None

    def set_target_limit(
        self, pattern: str = "", *, rate: float | None = None, close_breaker: bool = False
    ) -> SetTargetLimitResponse:
        """Sets how many replays a second may begin to what fits a pattern, or to all other
        targets; 0: any number, None: as it is. `close_breaker` has replays go again to those
        that are left alone.
        """
        request = SetTargetLimitRequest(
            pattern=pattern, rate_limit=rate, close_breaker=close_breaker
        )
        return self._call(self._stub.SetTargetLimit, request)

    def status(self) -> GetStatusResponse:
        """Tells what the daemon is and does."""
        return self._call(self._stub.GetStatus, GetStatusRequest())

    def watch(
        self,
        *,
        on_interruption: Interruption | None = None,
        on_return: Return | None = None,
        **settings: Unpack[WatchSettings],
    ) -> Watch:
        """Follows events; returns once the daemon is watching, so that none is missed.

        An unreachable daemon is an error now, but later it is waited for, for ever:
        raise in `on_interruption(error)` to give up. `on_return()` ends what that began.
        """
        bookmark = Bookmark(settings, on_return)
        begin = self._stub.WatchEvents
        return Watch(begin, bookmark, self._access, self._timeout, on_interruption)

    def summarize(self, batch_id: str, assertions: Iterable[str] = ()) -> SummarizeResponse:
        """Tells what became of a batch in figures, and which assertions about it don't hold.

        An assertion names what must not be, such as `error`, `status>=500` or `p95>300ms`.
        Without a batch they are read, and nothing else: whoever waits for one first does that.
        """
        request = summarize_request(batch_id, assertions)
        return self._call(self._history.Summarize, request, SUMMARY_TIMEOUT)

    def hook(
        self,
        hook: Hook,
        *,
        on_interruption: Interruption | None = None,
        on_return: Callable[[], None] | None = None,
    ) -> HookRun:
        """Registers a hook: returns once the daemon asks about what it takes from then on.

        An unreachable daemon is an error now, but later it is waited for, as `watch` does.
        Raises ValueError for a hook without functions.
        """
        begin = self._hooks.Hook
        return HookRun(
            begin,
            hook,
            self._access,
            self._timeout,
            on_interruption=on_interruption,
            on_return=on_return,
        )

    def replays(self, **settings: Unpack[ListSettings]) -> Iterator[Replay]:
        """Lists replays in the order of the queue, asking for a page when it is needed."""
        request = list_request(settings)
        while True:
            page = self._call(self._history.ListReplays, request)
            yield from page.replays
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def replay(
        self,
        replay_id: str,
        contents: Iterable[str] = (),
        *,
        content_limit: int | None = None,
        secrets: bool = False,
    ) -> KeptReplay:
        """Returns all that is kept of one replay, with these of its contents in pieces:
        `request` (as it is sent), `recorded` (the captured response's), `response`.

        `content_limit`: how many bytes of each; None: all. `secrets` shows what the log has
        marks for, to callers who may see it; without it no content is shown beyond 1 MiB.
        Raises ValueError for a content that there is not.
        """
        request = replay_request(replay_id, contents, content_limit, secrets=secrets)
        call = self._history.GetReplay(request, metadata=self._access.metadata())
        return KeptReplay(call, self.address, self._timeout)

    def batches(self, *, unfinished: bool = False) -> Iterator[Batch]:
        """Lists batches in the order of acceptance; `unfinished`: with something left."""
        request = ListBatchesRequest(unfinished=unfinished)
        while True:
            page = self._call(self._history.ListBatches, request)
            yield from page.batches
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def export(self, batch_id: str, format: str, *, filter: str = "") -> Export:  # noqa: A002
        """Returns a batch as a capture, in pieces of bytes: what was captured and what came.

        `format` is `mitmproxy`, `har` or `goreplay`; `filter` an expression in mitmproxy's
        notation for those that are wanted. Raises ValueError for another format.
        """
        request = export_request(batch_id, format, filter)
        call = self._history.Export(request, metadata=self._access.metadata())
        return Export(call, self.address, self._timeout)

    def back_up(self, folder: str, *, progress: Progress | None = None) -> BackUpResponse:
        """Copies the journal into a new folder of the daemon's machine, while replays go on.

        Returns once the copy is there. `progress(copied_bytes, total_bytes)` is called in
        this thread.
        """
        call = self._journal.BackUp(BackUpRequest(folder=folder), metadata=self._access.metadata())
        return followed(call, progress, self.address, self._timeout)

    def diff(self, batch_id: str, **settings: Unpack[DiffSettings]) -> Diffs:
        """Compares the responses of a batch with the recorded ones: those that differ, in order."""
        request = diff_request(batch_id, settings)
        call = self._history.Diff(request, metadata=self._access.metadata())
        return Diffs(call, self.address, self._timeout)

    def _plan(self, messages: Iterator[EnqueueRequest], content_limit: int | None) -> Plans:
        begin = partial(self._stub.PlanFlows, metadata=self._access.metadata())
        return Plans(begin, plan_messages(messages, content_limit), self.address)

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        at_least: float = 0.0,
    ) -> Response:
        timeout = max(self._timeout, at_least)
        try:
            return method(request, timeout=timeout, metadata=self._access.metadata())
        except grpc.RpcError as failure:
            raise error_from(failure, self.address) from None

    def _enqueue(
        self, messages: Callable[[], Iterator[EnqueueRequest]], tries: Tries
    ) -> EnqueueResponse:
        while True:
            outbox: Outbox[EnqueueRequest] = Outbox()
            shown = self._access.metadata()
            try:
                return self._send(messages(), outbox, shown)
            except grpc.RpcError as failure:
                error = self._access.error(failure, shown)
                delay = tries.after(error, reached=outbox.reached)
            time.sleep(delay)

    def _send(
        self,
        messages: Iterator[EnqueueRequest],
        outbox: Outbox[EnqueueRequest],
        shown: Metadata | None,
    ) -> EnqueueResponse:
        call = self._stub.Enqueue.future(outbox, metadata=shown)
        # The daemon may answer, or die, before it has read everything.
        call.add_done_callback(lambda _call: outbox.close())
        try:
            outbox.fill(messages)
            return call.result()
        finally:
            # Cancelled before the outbox closes: half a capture must never look whole.
            call.cancel()
            outbox.close()


def _channel(access: Access, timeout: float) -> grpc.Channel:
    credentials, options = access.credentials(), channel_options(timeout)
    if credentials is None:
        return grpc.insecure_channel(access.address, options=options)
    return grpc.secure_channel(access.address, credentials, options=options)

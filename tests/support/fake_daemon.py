"""A daemon that does what its script says: for answers that a real one gives rarely.

It speaks the contract over a real socket. Each call takes the next step of its script;
a call without one is a failure of the test.
"""

import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self, TypeVar

import grpc
from flowreplay.v1 import history_pb2, journal_pb2
from flowreplay.v1 import replay_pb2 as pb
from flowreplay.v1.event_pb2 import Event
from flowreplay.v1.history_pb2_grpc import (
    HistoryServiceServicer,
    add_HistoryServiceServicer_to_server,
)
from flowreplay.v1.journal_pb2_grpc import (
    JournalServiceServicer,
    add_JournalServiceServicer_to_server,
)
from flowreplay.v1.replay_pb2_grpc import (
    ReplayServiceServicer,
    add_ReplayServiceServicer_to_server,
)
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.support.processes import DEADLINE


@dataclass(frozen=True)
class Refuse:
    """Ends a call with a status and ErrorInfo."""

    code: grpc.StatusCode
    reason: str = ""
    message: str = "the fake says no"
    metadata: dict[str, str] = field(default_factory=dict)

    def abort(self, context: grpc.ServicerContext) -> NoReturn:
        details = []
        if self.reason:
            info = Any()
            info.Pack(
                error_details_pb2.ErrorInfo(
                    reason=self.reason, domain="flowreplay.v1", metadata=self.metadata
                )
            )
            details.append(info)
        status = status_pb2.Status(code=self.code.value[0], message=self.message, details=details)
        context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError


STOPPING = Refuse(grpc.StatusCode.UNAVAILABLE, "DAEMON_STOPPING", "the daemon is stopping")
COMPACTED = Refuse(
    grpc.StatusCode.OUT_OF_RANGE,
    "SEQUENCE_COMPACTED",
    "events 1 to 4 are gone",
    {"oldest_sequence": "5", "latest_sequence": "9"},
)
FOREIGN = Refuse(grpc.StatusCode.FAILED_PRECONDITION, "CURSOR_FOREIGN", "another journal")
Step = TypeVar("Step")

HANG = "hang"
"""A step of a stream: says nothing until the call ends."""

CopyStep = journal_pb2.BackUpResponse | Refuse | str
DiffStep = history_pb2.DiffResponse | Refuse | str
ExportStep = history_pb2.ExportResponse | Refuse | str
KeptStep = history_pb2.GetReplayResponse | Refuse | str
WatchStep = pb.WatchEventsResponse | Refuse | str
PlanStep = pb.PlanFlowsResponse | Refuse
EnqueueStep = pb.EnqueueResponse | Refuse | Callable[[Iterator[pb.EnqueueRequest]], object]


def events(
    *sequences: int, cursor: str | None = None, paused: bool = False
) -> pb.WatchEventsResponse:
    """A response with events of these sequences; its cursor is the last one's number."""
    return pb.WatchEventsResponse(
        events=[Event(sequence=sequence) for sequence in sequences],
        cursor=str(max(sequences, default=0)) if cursor is None else cursor,
        paused=paused,
    )


class FakeDaemon(ReplayServiceServicer, HistoryServiceServicer, JournalServiceServicer):
    """Serves scripted answers on a Unix socket until closed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fake-"))
        self.address = f"unix:{self.folder}/replayd.sock"
        self.watches: deque[list[WatchStep]] = deque()
        self.exports: deque[list[ExportStep]] = deque()
        self.kept: deque[list[KeptStep]] = deque()
        """What GetReplay answers."""
        self.diffs: deque[list[DiffStep]] = deque()
        self.copies: deque[list[CopyStep]] = deque()
        self.enqueues: deque[EnqueueStep] = deque()
        self.plans: deque[Callable[[Iterator[pb.PlanFlowsRequest]], Iterator[PlanStep]]] = deque()
        self.pages: deque[history_pb2.ListReplaysResponse] = deque()
        self.answers: dict[str, object] = {}
        """By method name, what the calls with one request and one answer are answered."""
        self.requests: list[object] = []
        """Every request that came, in order; of an Enqueue each message."""
        self.start()

    def start(self) -> None:
        """Listens, again after a stop, at the same address."""
        self._server = grpc.server(ThreadPoolExecutor(8))
        add_ReplayServiceServicer_to_server(self, self._server)
        add_HistoryServiceServicer_to_server(self, self._server)
        add_JournalServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.address)
        self._server.start()

    def stop(self) -> None:
        """Goes away at once, as a killed daemon does."""
        assert self._server.stop(grace=None).wait(DEADLINE)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def WatchEvents(  # noqa: N802 - the contract's name
        self, request: pb.WatchEventsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchEventsResponse]:
        yield from self._stream(request, self.watches.popleft(), context)

    def Export(  # noqa: N802
        self, request: history_pb2.ExportRequest, context: grpc.ServicerContext
    ) -> Iterator[history_pb2.ExportResponse]:
        yield from self._stream(request, self.exports.popleft(), context)

    def GetReplay(  # noqa: N802
        self, request: history_pb2.GetReplayRequest, context: grpc.ServicerContext
    ) -> Iterator[history_pb2.GetReplayResponse]:
        yield from self._stream(request, self.kept.popleft(), context)

    def Diff(  # noqa: N802
        self, request: history_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> Iterator[history_pb2.DiffResponse]:
        yield from self._stream(request, self.diffs.popleft(), context)

    def BackUp(  # noqa: N802
        self, request: journal_pb2.BackUpRequest, context: grpc.ServicerContext
    ) -> Iterator[journal_pb2.BackUpResponse]:
        yield from self._stream(request, self.copies.popleft(), context)

    def PlanFlows(  # noqa: N802
        self, request_iterator: Iterator[pb.PlanFlowsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.PlanFlowsResponse]:
        for step in self.plans.popleft()(request_iterator):
            if isinstance(step, Refuse):
                step.abort(context)
            yield step

    def Enqueue(  # noqa: N802
        self, request_iterator: Iterator[pb.EnqueueRequest], context: grpc.ServicerContext
    ) -> pb.EnqueueResponse:
        step = self.enqueues.popleft()
        if callable(step):
            step = step(request_iterator)
        else:
            self.requests.extend(request_iterator)
        if isinstance(step, Refuse):
            step.abort(context)
        assert isinstance(step, pb.EnqueueResponse)
        return step

    def _stream(
        self, request: object, steps: Iterable[Step | Refuse | str], context: grpc.ServicerContext
    ) -> Iterator[Step]:
        self.requests.append(request)
        ended = threading.Event()
        if not context.add_callback(ended.set):
            return
        for step in steps:
            if isinstance(step, Refuse):
                step.abort(context)
            elif isinstance(step, str):
                ended.wait()
            else:
                yield step

    def _answer(self, name: str, request: object, context: grpc.ServicerContext) -> object:
        self.requests.append(request)
        answer = self.answers[name]
        if isinstance(answer, Refuse):
            answer.abort(context)
        return answer

    def Count(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Count", request, context)

    def Clear(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Clear", request, context)

    def Pause(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Pause", request, context)

    def Resume(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Resume", request, context)

    def Step(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Step", request, context)

    def ListBatches(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("ListBatches", request, context)

    def SetPace(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("SetPace", request, context)

    def GetPace(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("GetPace", request, context)

    def SetPriority(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("SetPriority", request, context)

    def Resolve(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Resolve", request, context)

    def Cancel(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Cancel", request, context)

    def SetTargetLimit(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("SetTargetLimit", request, context)

    def Retry(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Retry", request, context)

    def Summarize(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("Summarize", request, context)

    def ListReplays(  # noqa: N802
        self, request: history_pb2.ListReplaysRequest, _context: grpc.ServicerContext
    ) -> history_pb2.ListReplaysResponse:
        self.requests.append(request)
        return self.pages.popleft()

    def GetStatus(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        return self._answer("GetStatus", request, context)

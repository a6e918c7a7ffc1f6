"""ReplayService: a method for each RPC, three steps each: convert, call, convert.

Messages of Enqueue and PlanFlows come in, and those of WatchEvents go out, as the bytes
that they are on the wire: what they hold is the decoder's and the log's business.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple, Protocol

import grpc
from flowreplay.v1 import replay_pb2

from replayd import __version__
from replayd.access.roles import Role
from replayd.codec.pace import pace_from, pace_message
from replayd.intake.timing import check_pace
from replayd.journal.interface import Journal
from replayd.model.replay import ReplayKey
from replayd.rpc.calls import (
    Call,
    Context,
    Methods,
    Service,
    conversation,
    stream,
    unary,
    upload,
)
from replayd.rpc.convert import (
    clear_answer,
    count_answer,
    plan_answer,
    resolve_answer,
    running_message,
    target_message,
)
from replayd.rpc.enqueue import Enqueuer, new_batch_id
from replayd.rpc.plan import Planner
from replayd.rpc.resolve import asked_to_resolve
from replayd.rpc.watch import Watchers

if TYPE_CHECKING:
    from replayd.model.target_state import TargetState
    from replayd.planning.target_rules import Pattern
    from replayd.rpc.step import Stepper


LISTED_RUNNING = 100
LISTED_PAUSED = 100

LISTED_TARGETS = 100


class Thread(Protocol):
    """As much of the replay thread as calls need."""

    def cancel(
        self,
        keys: Collection[ReplayKey],
        told: Callable[[Sequence[ReplayKey]], object],
        missed: Callable[[], object],
    ) -> None:
        """Kills what runs of these; calls back, from another thread, with which that were, or
        `missed`: the thread has ended.
        """

    def targets(self) -> Sequence["TargetState"]:
        """Tells what is known of targets."""

    def limit_targets(
        self,
        pattern: "Pattern | None",
        interval: int | None,
        told: Callable[[], object],
        missed: Callable[[], object],
        *,
        close_breakers: bool,
    ) -> None:
        """Sets what targets are asked to bear; calls back, from another thread, once it holds, or
        `missed`: the thread has ended.
        """


class About(NamedTuple):
    """What the daemon says of itself."""

    start_time: int
    """Nanoseconds since the epoch."""
    concurrency: int
    connection_limit: int = 0
    """Connections that a target may have at once; 0: no limit."""
    upstream: str = ""
    """The proxy's name, without credentials; empty: none."""
    expires: Callable[[], int] | None = None
    """When the daemon's certificate ends, in seconds since the epoch; it may read files. None:
    it has none."""
    fair_turns: bool = False
    """Whether the batches of several clients take turns."""


class ReplayService(Service):
    """Answers the calls of `flowreplay.v1.ReplayService`; Count and GetStatus to the end."""

    name = replay_pb2.DESCRIPTOR.services_by_name["ReplayService"].full_name

    def __init__(
        self,
        journal: Journal,
        enqueuer: Enqueuer,
        planner: Planner,
        watchers: Watchers,
        about: About,
        *,
        thread: Thread,
    ) -> None:
        super().__init__(journal)
        self._thread = thread
        self._stepper: Stepper | None = None
        self._enqueuer = enqueuer
        self._planner = planner
        self._watchers = watchers
        self._about = about

    def methods(self) -> Methods:
        """Makes the table of the service's RPCs."""
        return {
            "Enqueue": upload(Role.ENQUEUE, self.enqueue),
            "PlanFlows": conversation(Role.ENQUEUE, self.plan_flows),
            "WatchEvents": stream(Role.READ, self.watch_events, replay_pb2.WatchEventsRequest),
            "Clear": unary(Role.ADMIN, self.clear, replay_pb2.ClearRequest),
            "Count": unary(Role.READ, self.count, replay_pb2.CountRequest),
            "Pause": unary(Role.ADMIN, self.pause, replay_pb2.PauseRequest),
            "Resume": unary(Role.ADMIN, self.resume, replay_pb2.ResumeRequest),
            "Step": unary(Role.ADMIN, self.step, replay_pb2.StepRequest),
            "SetPriority": unary(Role.ADMIN, self.set_priority, replay_pb2.SetPriorityRequest),
            "Resolve": unary(Role.ADMIN, self.resolve, replay_pb2.ResolveRequest),
            "Cancel": unary(Role.ADMIN, self.cancel, replay_pb2.CancelRequest),
            "Retry": unary(Role.ADMIN, self.retry, replay_pb2.RetryRequest),
            "SetTargetLimit": unary(
                Role.ADMIN, self.set_target_limit, replay_pb2.SetTargetLimitRequest
            ),
            "SetPace": unary(Role.ADMIN, self.set_pace, replay_pb2.SetPaceRequest),
            "GetPace": unary(Role.READ, self.get_pace, replay_pb2.GetPaceRequest),
            "GetStatus": unary(Role.READ, self.get_status, replay_pb2.GetStatusRequest),
        }

    async def enqueue(self, messages: AsyncIterator[bytes], call: Call) -> bytes:
        """Enqueue."""
        self.refuse_when_stopping()
        receipt = await self._enqueuer.enqueue(
            messages,
            lambda: _still_wanted(call.context),
            client=call.caller.name,
            caller=call.caller,
        )
        answer = replay_pb2.EnqueueResponse.FromString(receipt.answer)
        answer.cursor = self.cursor(receipt.sequence)
        answer.duplicate = receipt.duplicate
        return answer.SerializeToString()

    async def plan_flows(
        self, messages: AsyncIterator[bytes], call: Call
    ) -> AsyncGenerator[bytes, None]:
        """PlanFlows."""
        self.refuse_when_stopping()
        async with aclosing(self._planner.plan(messages, client=call.caller.name)) as answers:
            async for answer in answers:
                yield plan_answer(answer.flows, self.cursor(), answer.summary)

    async def clear(self, request: replay_pb2.ClearRequest, _: Call) -> replay_pb2.ClearResponse:
        """Clear."""
        self.refuse_when_stopping()
        cleared = await asyncio.to_thread(self.journal.clear, request.batch_id, time.time_ns())
        return clear_answer(cleared, self.cursor())

    async def count(self, request: replay_pb2.CountRequest, _: Call) -> replay_pb2.CountResponse:
        """Count."""
        # Before it counts: who watches from there misses nothing that was not counted.
        cursor = self.cursor()
        counts = await asyncio.to_thread(self.journal.count, request.batch_id)
        return count_answer(counts, self.journal.is_paused(request.batch_id), cursor)

    def watch_events(
        self, request: replay_pb2.WatchEventsRequest, call: Call
    ) -> AsyncGenerator[bytes, None]:
        """WatchEvents."""
        self.refuse_when_stopping()
        if request.reveal_secrets:
            call.caller.require(Role.SECRETS)
        return self._watchers.watch(request, call.caller)

    async def pause(self, request: replay_pb2.PauseRequest, _: Call) -> replay_pb2.PauseResponse:
        """Pause."""
        self.refuse_when_stopping()
        changed = await asyncio.to_thread(
            self.journal.pause, True, time.time_ns(), request.batch_id
        )
        return replay_pb2.PauseResponse(changed=changed, cursor=self.cursor())

    async def resume(self, request: replay_pb2.ResumeRequest, _: Call) -> replay_pb2.ResumeResponse:
        """Resume."""
        self.refuse_when_stopping()
        changed = await asyncio.to_thread(
            self.journal.pause, False, time.time_ns(), request.batch_id
        )
        return replay_pb2.ResumeResponse(changed=changed, cursor=self.cursor())

    async def step(self, request: replay_pb2.StepRequest, _: Call) -> replay_pb2.StepResponse:
        """Step."""
        # Imported here: most daemons never step.
        from replayd.rpc.step import Stepper  # noqa: PLC0415

        self.refuse_when_stopping()
        if self._stepper is None:
            self._stepper = Stepper(self.journal)
        cursor = self.cursor()
        return replay_pb2.StepResponse(replay_ids=await self._stepper.step(request), cursor=cursor)

    def stop(self) -> None:
        """Refuses what is not needed to see the daemon's end; steps that wait end."""
        super().stop()
        if self._stepper is not None:
            self._stepper.stop()

    async def set_priority(
        self, request: replay_pb2.SetPriorityRequest, _: Call
    ) -> replay_pb2.SetPriorityResponse:
        """SetPriority."""
        # Imported here: most daemons never steer.
        from replayd.rpc.steer import asked_priority  # noqa: PLC0415

        self.refuse_when_stopping()
        placed = await asyncio.to_thread(
            self.journal.set_priority, request.batch_id, asked_priority(request), time.time_ns()
        )
        return replay_pb2.SetPriorityResponse(
            changed=placed.changed, priority=placed.priority, cursor=self.cursor()
        )

    async def resolve(
        self, request: replay_pb2.ResolveRequest, _: Call
    ) -> replay_pb2.ResolveResponse:
        """Resolve."""
        self.refuse_when_stopping()
        wanted = asked_to_resolve(request)
        resolved = await asyncio.to_thread(
            self.journal.resolve,
            wanted.batch_id,
            wanted.flow_indices,
            wanted.resolution,
            resent_as=new_batch_id(),
            now=time.time_ns(),
        )
        return resolve_answer(resolved, self.cursor(resolved.sequence))

    async def cancel(self, request: replay_pb2.CancelRequest, _: Call) -> replay_pb2.CancelResponse:
        """Cancel."""
        from replayd.rpc.cancel import Canceller  # noqa: PLC0415 - few ever do

        self.refuse_when_stopping()
        done = await Canceller(self.journal, self._thread).cancel(request)
        return replay_pb2.CancelResponse(replays=done.replays, cursor=self.cursor(done.sequence))

    async def retry(self, request: replay_pb2.RetryRequest, _: Call) -> replay_pb2.RetryResponse:
        """Retry."""
        from replayd.rpc.retry import Retrier  # noqa: PLC0415 - few ever do

        self.refuse_when_stopping()
        receipt = await Retrier(self.journal, self._enqueuer.room).retry(request)
        answer = replay_pb2.RetryResponse.FromString(receipt.answer)
        answer.cursor = self.cursor(receipt.sequence)
        answer.duplicate = receipt.duplicate
        return answer

    async def set_target_limit(
        self, request: replay_pb2.SetTargetLimitRequest, _: Call
    ) -> replay_pb2.SetTargetLimitResponse:
        """SetTargetLimit."""
        from replayd.rpc.target_limit import set_target_limit  # noqa: PLC0415 - few ever do

        self.refuse_when_stopping()
        cursor = self.cursor()
        await set_target_limit(self._thread, request)
        return replay_pb2.SetTargetLimitResponse(
            targets=map(target_message, _listed(self._thread.targets())), cursor=cursor
        )

    async def set_pace(
        self, request: replay_pb2.SetPaceRequest, _: Call
    ) -> replay_pb2.SetPaceResponse:
        """SetPace."""
        self.refuse_when_stopping()
        check_pace(request.pace, "pace")
        pace = pace_from(request.pace)
        changed = await asyncio.to_thread(
            self.journal.set_pace, request.batch_id, pace, time.time_ns()
        )
        return replay_pb2.SetPaceResponse(changed=changed, cursor=self.cursor())

    async def get_pace(
        self, request: replay_pb2.GetPaceRequest, _: Call
    ) -> replay_pb2.GetPaceResponse:
        """GetPace."""
        cursor = self.cursor()
        paced = await asyncio.to_thread(self.journal.pace, request.batch_id)
        answer = replay_pb2.GetPaceResponse(
            pace=pace_message(paced.pace), replay_count=paced.taken, cursor=cursor
        )
        if paced.taken:
            answer.mean_lag_duration.FromNanoseconds(paced.total_lag // paced.taken)
            answer.greatest_lag_duration.FromNanoseconds(paced.greatest_lag)
        return answer

    async def get_status(
        self, _: replay_pb2.GetStatusRequest, __: Call
    ) -> replay_pb2.GetStatusResponse:
        """GetStatus."""
        journal = self.journal
        latest = journal.latest
        paused_batches = journal.paused_batches()
        page = await asyncio.to_thread(journal.read, latest, limit=1, max_bytes=1)
        answer = replay_pb2.GetStatusResponse(
            version=__version__,
            journal=journal.info.kind,
            store_id=journal.info.store_id,
            oldest_sequence=page.oldest,
            latest_sequence=latest,
            concurrency=self._about.concurrency,
            watcher_count=self._watchers.count,
            paused=journal.paused,
            running_replays=map(running_message, journal.running()[:LISTED_RUNNING]),
            cursor=self.cursor(latest),
            upstream=self._about.upstream,
            connection_limit=self._about.connection_limit,
            targets=map(target_message, _listed(self._thread.targets())),
            held_session_count=journal.held_sessions,
            paused_batch_ids=paused_batches[:LISTED_PAUSED],
            paused_batch_count=len(paused_batches),
            fair_turns=self._about.fair_turns,
        )
        answer.start_time.FromNanoseconds(self._about.start_time)
        if self._about.expires is not None:
            ends = await asyncio.to_thread(self._about.expires)
            answer.certificate_expire_time.FromSeconds(ends)
        return answer


def _listed(states: Sequence["TargetState"]) -> list["TargetState"]:
    """Those of which there is most to tell."""
    return sorted(states, key=_by_concern)[:LISTED_TARGETS]


def _by_concern(state: "TargetState") -> tuple[int, int, int]:
    return -state.waiting, -state.failures, -state.running


async def _still_wanted(context: Context) -> None:
    """Raises CancelledError when the call was given up.

    gRPC gives a handler the end of a cancelled or broken call as the end of its messages,
    and cancels it only some time after; `context.cancelled()` and `done()` tell nothing.
    But nothing can be sent on such a call any more.
    """
    try:
        await context.send_initial_metadata(())
    except grpc.aio.BaseError as error:
        raise asyncio.CancelledError("the call was given up") from error

"""How a client counts, clears, pauses and cancels."""

import time

from flowreplay.v1 import replay_pb2

from tools.chaos.caller import PATIENCE, Caller, flat, sequence_of

_MOST_QUEUED = 4000
"""When more waits, a client clears: a backlog without end proves nothing new."""

_CANCELLED = 20
"""Replays that one call cancels."""

_FLOWS = 2000
"""Of a batch, at most; which it has the client does not remember."""


class Control:
    """Calls for a client."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def count(self) -> None:
        """Counts everything."""
        told = self._caller.stub.Count(
            replay_pb2.CountRequest(), timeout=PATIENCE, wait_for_ready=True
        )
        counts = [
            told.succeeded_count,
            told.failed_count,
            told.killed_count,
            told.cleared_count,
            told.interrupted_count,
        ]
        accepted = sum(counts) + told.queued_count + told.running_count
        self._caller.say("count", after=sequence_of(told.cursor), counts=[accepted, *counts])
        if told.queued_count > _MOST_QUEUED:
            self.clear()

    def clear(self) -> None:
        """Clears the queue, or the batch that was told of last."""
        caller = self._caller
        latest = caller.batch_ids[-1] if caller.batch_ids else ""
        request = replay_pb2.ClearRequest(batch_id=caller.random.choice(("", "", latest)))
        told = caller.stub.Clear(request, timeout=PATIENCE, wait_for_ready=True)
        ranges = [*map(flat, told.ranges)]
        caller.say("clear", count=told.cleared_count, ranges=ranges, by=sequence_of(told.cursor))

    def pause(self) -> None:
        """Pauses the queue, and resumes it, unless somebody did so meanwhile."""
        caller = self._caller
        paused = caller.stub.Pause(replay_pb2.PauseRequest(), timeout=PATIENCE, wait_for_ready=True)
        caller.say("pause", changed=paused.changed, by=sequence_of(paused.cursor))
        time.sleep(caller.random.choice((0, 0.01, 0.05)))
        resumed = caller.stub.Resume(
            replay_pb2.ResumeRequest(), timeout=PATIENCE, wait_for_ready=True
        )
        caller.say("resume", changed=resumed.changed, by=sequence_of(resumed.cursor))

    def cancel(self) -> None:
        """Cancels some replays of a batch, whatever they are by now."""
        caller, random = self._caller, self._caller.random
        batch_id = caller.late_batch()
        if not batch_id:
            return
        count = caller.stub.Count(
            replay_pb2.CountRequest(batch_id=batch_id), timeout=PATIENCE, wait_for_ready=True
        )
        ended = count.succeeded_count + count.failed_count
        # What has begun is as good to cancel as what waits: both are near to where it is now.
        first = max(ended - random.choice((0, 2, 20)), 0)
        left = count.queued_count + count.running_count
        last = min(first + random.choice((1, 5, _CANCELLED)), ended + left, _FLOWS)
        replay_ids = [f"{batch_id}.{index}" for index in range(first, last)]
        if not replay_ids:
            return
        told = caller.stub.Cancel(
            replay_pb2.CancelRequest(replay_ids=replay_ids), timeout=PATIENCE, wait_for_ready=True
        )
        replays = [(each.replay_id, each.state, each.changed) for each in told.replays]
        caller.say("cancel", replays=replays, after=sequence_of(told.cursor))

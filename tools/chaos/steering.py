"""How a client steers one batch: holds it, steps through it, and moves it before others."""

import time

from flowreplay.v1 import replay_pb2

from tools.chaos.caller import PATIENCE, Caller, sequence_of
from tools.chaos.marks import Freed, Held, Mark, send_mark

_LOOK_SECONDS = 0.01
_PRIORITIES = (-5, -5, 1, 7)
"""What stands behind the others waits longest, through most of the daemon's lives."""


class Steering:
    """Calls for a client. Its batches are steered by nobody else but `audit`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def hold(self) -> None:
        """Pauses a batch, and resumes it after a while: at once, or after some steps, or in one of
        the daemon's next lives. Marks tell the target from when to when nothing of it may come.
        """
        caller, random = self._caller, self._caller.random
        batch_id = caller.late_batch()
        if not batch_id:
            return
        request = replay_pb2.PauseRequest(batch_id=batch_id)
        paused = caller.stub.Pause(request, timeout=PATIENCE, wait_for_ready=True)
        caller.say("hold", batch=batch_id, changed=paused.changed, by=sequence_of(paused.cursor))
        self._wait_until_still(batch_id)
        self._mark(Held(batch_id))
        for _ in range(random.choice((0, 0, 1, 2))):
            self._step(batch_id, random.choice((1, 3, 20)))
        time.sleep(random.choice((0, 0.05, 0.5)))
        if random.random() < 0.3:
            # What is sure to wait when the books are compared has a place to be forgotten.
            self._place(batch_id)
            return
        self._mark(Freed(batch_id))
        resumed = caller.stub.Resume(
            replay_pb2.ResumeRequest(batch_id=batch_id), timeout=PATIENCE, wait_for_ready=True
        )
        caller.say("free", batch=batch_id, changed=resumed.changed, by=sequence_of(resumed.cursor))

    def move(self) -> None:
        """Gives a batch a priority, or puts it to the front."""
        batch_id = self._caller.late_batch()
        if batch_id:
            self._place(batch_id)

    def _place(self, batch_id: str) -> None:
        caller, random = self._caller, self._caller.random
        request = replay_pb2.SetPriorityRequest(batch_id=batch_id)
        if random.random() < 0.3:
            request.front = True
        else:
            request.priority = random.choice(_PRIORITIES)
        told = caller.stub.SetPriority(request, timeout=PATIENCE, wait_for_ready=True)
        caller.say("move", batch=batch_id, changed=told.changed, by=sequence_of(told.cursor))

    def _step(self, batch_id: str, count: int) -> None:
        """Lets exactly so many replays of a paused batch be taken."""
        caller = self._caller
        self._mark(Held(batch_id, count))
        request = replay_pb2.StepRequest(batch_id=batch_id, replay_count=count)
        told = caller.stub.Step(request, timeout=PATIENCE, wait_for_ready=True)
        caller.say("step", batch=batch_id, count=count, replays=[*told.replay_ids])
        self._wait_until_still(batch_id)
        self._mark(Held(batch_id))

    def _wait_until_still(self, batch_id: str) -> None:
        request = replay_pb2.CountRequest(batch_id=batch_id)
        while self._caller.stub.Count(request, timeout=PATIENCE, wait_for_ready=True).running_count:
            time.sleep(_LOOK_SECONDS)

    def _mark(self, mark: Mark) -> None:
        """Writes it, as soon as the target is there."""
        while True:
            try:
                send_mark(self._caller.port, mark)
            except OSError:
                time.sleep(_LOOK_SECONDS)
            else:
                return

"""Bringing everything to rest, to compare the books; and what is tried while it rests."""

import time
from contextlib import suppress

from flowreplay.v1 import replay_pb2

from tools.chaos.books import unfinished
from tools.chaos.daemon import DeadError
from tools.chaos.failpoints import RETENTION
from tools.chaos.marks import Freed, Start
from tools.chaos.plan import Round
from tools.chaos.world import World

CALL_SECONDS = 60.0

_LOOK_SECONDS = 0.03
_REACH_SECONDS = 10.0


def audit(world: World, current: Round, rest_seconds: float) -> None:
    """Brings everything to rest, within that time, and compares the books: as everything waits,
    and again when nothing does. The daemon lives before and after it; the clients rest until they
    are told to work.
    """
    stub = world.daemon.stub
    if not world.crew.rest(rest_seconds):
        world.findings.add("daemon", "an Enqueue is not answered, however often it is repeated")
        return
    stub.Pause(replay_pb2.PauseRequest(), timeout=CALL_SECONDS)
    if not _comes_to_rest(world, rest_seconds):
        return
    # What has ended is steered no more: how its batches were, is told by what waits.
    world.books.compare(stub, world.daemon.history)
    world.figures.audits += 1
    if current.rest == "pause":
        _die_paused(world, current)
        return
    stub.Resume(replay_pb2.ResumeRequest(), timeout=CALL_SECONDS)
    if current.rest == "clear":
        stub.Clear(replay_pb2.ClearRequest(), timeout=CALL_SECONDS)
    if not _comes_to_rest(world, rest_seconds):
        return
    # Only now: everything else went by what clients have left paused.
    _free_all(world)
    if not _comes_to_rest(world, rest_seconds):
        return
    world.books.compare(stub, world.daemon.history)
    if current.failpoint in RETENTION and current.end == "failpoint":
        _die_removing(world, current)


def last_audit(world: World, current: Round, rest_seconds: float) -> None:
    """Starts the daemon and lets everything run to its end, and reads the log once more."""
    world.start(1)
    audit(world, current._replace(rest="drain", end="kill"), rest_seconds)
    if not world.findings.counts:
        world.books.compare_again(world.daemon.stub)
    world.terminate()


def _free_all(world: World) -> None:
    """Resumes the batches that clients have left paused."""
    stub = world.daemon.stub
    while held := stub.GetStatus(
        replay_pb2.GetStatusRequest(), timeout=CALL_SECONDS
    ).paused_batch_ids:
        for batch_id in held:
            world.target.mark(Freed(batch_id))
            stub.Resume(replay_pb2.ResumeRequest(batch_id=batch_id), timeout=CALL_SECONDS)


def _comes_to_rest(world: World, seconds: float) -> bool:
    """Waits until nothing runs, nor waits unless it is paused; False: for so long none ended."""
    until, left = 0.0, -1
    while True:
        told = world.daemon.stub.Count(replay_pb2.CountRequest(), timeout=CALL_SECONDS)
        busy = told.running_count or told.open_batch_count
        if not busy and (told.paused or not told.queued_count or _all_held(world)):
            return True
        if told.queued_count + told.running_count != left:
            until = time.monotonic() + seconds
            left = told.queued_count + told.running_count
        elif time.monotonic() > until:
            world.findings.add("outcomes", f"the queue does not come to rest: {told}")
            return False
        time.sleep(_LOOK_SECONDS)


def _all_held(world: World) -> bool:
    """Whether all that waits is of paused batches."""
    return all(
        each.controls.paused or not each.queued_count for each in unfinished(world.daemon.history)
    )


def _die_paused(world: World, current: Round) -> None:
    """A pause outlives the daemon: nothing may arrive, and nothing be gone."""
    world.kill()
    world.start(current.concurrency, paused=True)
    world.books.compare(world.daemon.stub, world.daemon.history)
    world.target.mark(Start(current.concurrency, paused=False))
    world.daemon.stub.Resume(replay_pb2.ResumeRequest(), timeout=CALL_SECONDS)


def _die_removing(world: World, current: Round) -> None:
    """Retention that removes all that has ended is killed on its way; the rest is as it was."""
    world.kill()
    failpoint = f"{current.failpoint}:{current.passing}"
    removing = ("--retention-age", "0.001s")
    with suppress(DeadError):  # it was quick
        world.start(current.concurrency, failpoint=failpoint, options=removing)
    if world.daemon.wait_for_death(_REACH_SECONDS):
        world.note_failpoint(current.failpoint)
    else:
        world.kill()
    world.start(current.concurrency)
    world.books.compare(world.daemon.stub, world.daemon.history, removed=True)
    world.books.compare_again(world.daemon.stub)

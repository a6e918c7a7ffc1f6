"""10,000 flows from four clients at once, three watchers, one of them killed and resumed.

The books are exact whenever they are read, each replay ends once, and every watcher sees
the same sequence without a gap.
"""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flowreplay.v1 import replay_pb2

from tests.support.calls import Event, Stub, enqueue, events, flow, outcomes, payload
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE, Process
from tests.support.programs import ROOT
from tests.support.recorder import Recorder
from tests.support.watch_process import digest

CLIENTS = 4
FLOWS = 2500
TOTAL = CLIENTS * FLOWS


class Bookkeeper(threading.Thread):
    """Reads the counts over and over; none may be wrong at any time."""

    def __init__(self, stub: Stub) -> None:
        super().__init__(daemon=True)
        self.sums: list[int] = []
        self.done = threading.Event()
        self._stub = stub

    def run(self) -> None:
        while not self.done.is_set():
            counted = self._stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
            waits = counted.queued_count + counted.running_count
            self.sums.append(waits + counted.succeeded_count + counted.failed_count)


def watcher(daemon: Daemon, cursor: str = "") -> Process:
    """A watcher as a process of its own."""
    command = [sys.executable, "-m", "tests.support.watch_process", daemon.address]
    return Process([*command, cursor] if cursor else command, folder=ROOT)


def test_many_flows_many_clients_many_watchers(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon("--concurrency", "16")
    stub = daemon.stub()
    stub.Pause(replay_pb2.PauseRequest(), timeout=DEADLINE)
    doomed = watcher(daemon)
    bookkeeper = Bookkeeper(daemon.stub())
    bookkeeper.start()

    with ThreadPoolExecutor(CLIENTS + 2) as pool:
        sent = [pool.submit(send, daemon.stub(), recorder, client) for client in range(CLIENTS)]
        batches = [each.result() for each in sent]
        stub.Resume(replay_pb2.ResumeRequest(), timeout=DEADLINE)
        watching = [pool.submit(events, daemon.stub()) for _ in range(2)]

        # Once it has seen part of the log, the third is killed; another goes on from its
        # last cursor.
        doomed.wait_for_output(lambda: len(doomed.stdout) > 10, "events")
        doomed.close()
        cut = [line.split(" ") for line in doomed.stdout if line]
        resumed = watcher(daemon, cut[-1][0])
        first, second = (each.result() for each in watching)
    assert resumed.wait(2 * DEADLINE) == 0
    resumed.close()
    bookkeeper.done.set()
    bookkeeper.join(DEADLINE)

    check_sequence(first)
    assert second == first
    rest = [line.split(" ") for line in resumed.stdout]
    pieced = [word for line in cut + rest for word in line[1:]]
    assert pieced == [digest(event) for event in first]
    check_books(stub, first, batches, bookkeeper.sums)
    assert len(recorder.requests) == TOTAL


def send(stub: Stub, recorder: Recorder, client: int) -> str:
    """Enqueues one client's flows, ten a session; returns the batch."""
    flows = [
        flow(f"http://{recorder.address}/{client}/{index}", session_id=str(index // 10))
        for index in range(FLOWS)
    ]
    receipt = enqueue(stub, flows)
    assert receipt.accepted_count == FLOWS
    return str(receipt.batch_id)


def check_sequence(seen: list[Event]) -> None:
    """From 1, without a gap."""
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))


def check_books(stub: Stub, seen: list[Event], batches: list[str], sums: list[int]) -> None:
    """Each replay ended once; the counts say the same, and never said anything else."""
    ended = outcomes(seen)
    assert len(ended) == TOTAL
    assert all(len(found) == 1 and payload(found[0]) == "response" for found in ended.values())
    by_batch = [stub.Count(replay_pb2.CountRequest(batch_id=each)) for each in batches]
    assert [counted.succeeded_count for counted in by_batch] == [FLOWS] * CLIENTS
    counted = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert (counted.queued_count, counted.running_count) == (0, 0)
    assert counted.succeeded_count == TOTAL
    # A batch is accepted whole, so the sum only ever grows by whole batches.
    assert sums == sorted(sums)
    assert set(sums) <= set(range(0, TOTAL + 1, FLOWS))

"""10,000 flows from four clients at once, three watchers, one of them killed and resumed.

The books are exact whenever they are read, each replay ends once, and every watcher sees
the same sequence without a gap.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from flowreplay.v1 import replay_pb2

from tests.support.calls import Event, Stub, enqueue, flow, outcomes, payload, wait_for
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE, Process
from tests.support.programs import ROOT
from tests.support.recorder import Recorder
from tests.support.watch_process import digest

CLIENTS = 4
FLOWS = 2500
TOTAL = CLIENTS * FLOWS
PATIENCE = 2 * DEADLINE


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


@pytest.fixture
def start_watcher() -> Iterator[Callable[..., Process]]:
    """Starts watchers as processes of their own, which end after so many responses."""
    with ExitStack() as stack:

        def start(daemon: Daemon, count: int, cursor: str = "") -> Process:
            command = [sys.executable, "-m", "tests.support.watch_process"]
            command += [daemon.address, str(count), *([cursor] if cursor else [])]
            process = Process(command, folder=ROOT)
            stack.callback(process.close)
            return process

        yield start


def test_many_flows_many_clients_many_watchers(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    start_watcher: Callable[..., Process],
) -> None:
    recorder = start_recorder()
    daemon = start_daemon("--concurrency", "16")
    stub = daemon.stub()
    bookkeeper = Bookkeeper(daemon.stub())
    bookkeeper.start()
    doomed = start_watcher(daemon, TOTAL)
    with ThreadPoolExecutor(CLIENTS + 2) as pool:
        watching = [
            pool.submit(wait_for, daemon.stub(), "response", TOTAL, PATIENCE) for _ in range(2)
        ]
        sent = [pool.submit(send, daemon.stub(), recorder, client) for client in range(CLIENTS)]
        # Once it has seen part of the log, the third is killed; another goes on from its
        # last cursor.
        doomed.wait_for_output(lambda: len(doomed.stdout) > 10, "events")
        doomed.close()
        cut = [line.split(" ") for line in doomed.stdout[:-1]]  # the last may be torn
        ended = sum(":response:" in word for word in words(cut))
        assert 0 < len(words(cut)) < 2 * TOTAL, "it was killed on the way"
        resumed = start_watcher(daemon, TOTAL - ended, cut[-1][0])
        batches = [each.result() for each in sent]
        first, second = (each.result() for each in watching)
    assert resumed.wait(PATIENCE) == 0
    bookkeeper.done.set()
    bookkeeper.join(DEADLINE)

    check_sequence(first)
    assert second == first
    rest = [line.split(" ") for line in resumed.stdout]
    assert words(cut) + words(rest) == [digest(event) for event in first]
    check_books(stub, first, batches, bookkeeper.sums)
    assert len(recorder.requests) == TOTAL


def words(lines: list[list[str]]) -> list[str]:
    """The events of a watcher's lines, without the cursors."""
    return [word for line in lines for word in line[1:]]


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

"""Taking flows in: how fast, and what it costs the replays beside it.

    python -m benchmarks.enqueues ADDRESS PORT

as a process of its own enqueues batch after batch until its stdin ends, then prints how
many flows were accepted; `replay_beside_enqueuer` starts it.
"""

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowreplay_client import Client, connect

from benchmarks.machine import client_cores, server_cores
from benchmarks.processes import daemon_process, running
from benchmarks.replays import flows_of, options_of
from benchmarks.targets import Target
from benchmarks.watcher import watching
from benchmarks.workloads import GET_32

_BATCH = 5000
_PORT = 9
"""Of flows that are never replayed."""


def typed_rate(count: int) -> float:
    """Typed flows a second, from one client, durable; flows are built beforehand."""
    flows = flows_of(GET_32, _PORT, count)
    with daemon_process("--paused") as daemon, connect(daemon.address) as client:
        start = time.perf_counter()
        answer = client.enqueue(flows)
        seconds = time.perf_counter() - start
        _check(client, count, answer.accepted_count)
    return count / seconds


def capture_rate(capture: Path, count: int) -> float:
    """Flows a second of a capture of `count` flows, durable."""
    with daemon_process("--paused") as daemon, connect(daemon.address) as client:
        start = time.perf_counter()
        answer = client.enqueue_capture(capture)
        seconds = time.perf_counter() - start
        _check(client, count, answer.accepted_count)
    return count / seconds


def _check(client: Client, sent: int, accepted: int) -> None:
    queued = client.count().queued_count
    if (accepted, queued) != (sent, sent):
        raise SystemExit(
            f"the books do not balance: {sent} flows sent, {accepted} accepted, {queued} queued"
        )


def replay_beside_enqueuer(target: Target, usual: int) -> float:
    """Flows a second of GET_32, watched, while another client enqueues at full speed."""
    count, port = GET_32.count(usual), target.port_of(GET_32)
    options = options_of(GET_32, target)
    with (
        daemon_process("--paused", *options, cores=client_cores()) as daemon,
        connect(daemon.address) as client,
    ):
        batch = client.enqueue(flows_of(GET_32, port, count))
        before = target.requests()
        with (
            _enqueuer(daemon.address, port) as process,
            watching(
                daemon.address, batch.cursor, cores=server_cores(), batch_id=batch.batch_id
            ) as following,
        ):
            start = time.perf_counter()
            client.resume()
            outcomes = following.finish()[0].outcomes
            seconds = time.perf_counter() - start
            client.pause()
            others = int(process.communicate()[0])
        client.clear()
        _check_all(client, (count, outcomes), others, target, before)
    return count / seconds


def _check_all(
    client: Client, own: tuple[int, int], others: int, target: Target, before: int
) -> None:
    while client.count().running_count:
        time.sleep(0.01)
    counts, arrived = client.count(), target.requests() - before
    ended = counts.succeeded_count + counts.cleared_count
    books = {"enqueued": own[0] + others, "ended": ended}
    books |= {"arrived": arrived, "succeeded": counts.succeeded_count}
    if own[0] != own[1] or ended != own[0] + others or arrived != counts.succeeded_count:
        raise SystemExit(f"the books do not balance: {books}, outcomes of {own[0]}: {own[1]}")


@contextmanager
def _enqueuer(address: str, port: int) -> "Iterator[subprocess.Popen[str]]":
    """Runs the other client; when it yields, its first batch is accepted."""
    command = [sys.executable, "-m", "benchmarks.enqueues", address, str(port)]
    pipe = subprocess.PIPE
    with running(command, server_cores(), stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit("the other client ended with an error; it is above")
        yield process


def main() -> None:
    """Enqueues until stdin ends."""
    address, port = sys.argv[1:]
    flows, accepted = flows_of(GET_32, int(port), _BATCH), 0
    with connect(address) as client:
        while not select.select([sys.stdin], [], [], 0)[0]:
            accepted += client.enqueue(flows).accepted_count
            if accepted == _BATCH:
                print("enqueueing", flush=True)
    print(accepted)


if __name__ == "__main__":
    main()

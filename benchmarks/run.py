"""The quick benchmark: replay rates against a raw socket loop, and process times.

    python -m benchmarks.run [--flows N] [--rounds N] [--json]

Everything is measured with every promise kept: the journal on disk (synchronous FULL), one
watcher following, the books checked after each run. Figures are medians; ratios compare
with the baseline of the same round, for machines differ and drift.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from flowreplay_client import connect, request_flow

from benchmarks.peers import mitmdump, mitmproxy_rate
from benchmarks.processes import BIN, daemon, target

SESSIONS = 256
"""Sessions in the capture: the order within a session is kept, so one would be a queue."""


def raw_loop(port: int, count: int) -> float:
    """The baseline: one kept connection, prepared bytes, minimal reading; requests a second."""
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = time.perf_counter()
        for _ in range(count):
            connection.sendall(request)
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer or len(answer) < 1024:
                answer += connection.recv(65536)
        return count / (time.perf_counter() - start)


def replay(port: int, count: int, method: str, *options: str) -> tuple[float, float]:
    """Replays `count` flows with one watcher; returns (enqueued, replayed) flows a second."""
    content = b"y" * 1024 if method == "POST" else b""
    flows = [
        request_flow(
            method, f"http://127.0.0.1:{port}/{index}", content=content,
            session_id=str(index % SESSIONS),
        )
        for index in range(count)
    ]  # fmt: skip
    with daemon("--paused", *options) as address, connect(address) as client:
        start = time.perf_counter()
        answer = client.enqueue(flows)
        enqueued = count / (time.perf_counter() - start)
        watcher = threading.Thread(target=lambda: drain(address, answer.cursor))
        watcher.start()
        start = time.perf_counter()
        client.resume()
        watcher.join()
        replayed = count / (time.perf_counter() - start)
        counts = client.count()
        if counts.succeeded_count != count or counts.queued_count or counts.running_count:
            raise SystemExit(f"the books do not balance: {counts}")
    return enqueued, replayed


def drain(address: str, cursor: str) -> None:
    """Follows every event until nothing is left to replay."""
    with connect(address) as client:
        seen = [event.sequence for event in client.watch(start=cursor, until_idle=True)]
    if seen != list(range(seen[0], seen[0] + len(seen))):
        raise SystemExit("the watcher saw a gap")


def seconds(command: list[str], until_line: bool = False) -> float:
    """The time that a process takes, or takes to print its first line."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if until_line:
            process.stdout.readline()
            taken = time.perf_counter() - start
            process.terminate()
            return taken
    return time.perf_counter() - start


def process_times() -> dict[str, float]:
    """Seconds of whole processes: an empty one, a start to readiness, a short command."""
    with tempfile.TemporaryDirectory() as folder, daemon("--ephemeral") as address:
        listen = f"--listen=unix:{folder}/s.sock"
        serve = [str(BIN / "replayd"), "serve", f"--data-dir={folder}/data", listen]
        count = [str(BIN / "replayctl"), "--address", address, "count"]
        return {
            "empty process, s": seconds([sys.executable, "-c", "pass"]),
            "daemon ready, s": seconds([*serve, "--log-level=error"], until_line=True),
            "replayctl count, s": seconds(count),
        }


def round_of(port: int, flows: int) -> dict[str, float]:
    """Measures everything once, the baseline first and last."""
    before = raw_loop(port, flows)
    figures: dict[str, float] = {}
    runs: dict[str, Callable[[], tuple[float, float]]] = {
        "GET, concurrency 1": lambda: replay(port, flows, "GET"),
        "GET, concurrency 32": lambda: replay(port, flows, "GET", "--concurrency=32"),
        "POST 1 KiB, concurrency 32": lambda: replay(port, flows, "POST", "--concurrency=32"),
    }
    for name, run in runs.items():
        figures["enqueue, typed flows/s"], figures[f"{name}, flows/s"] = run()
    if program := mitmdump():
        figures["mitmproxy, flows/s"] = peer = mitmproxy_rate(program, port, flows // 3)
        for name in ("GET, concurrency 1", "GET, concurrency 32"):
            figures[f"{name} / mitmproxy"] = figures[f"{name}, flows/s"] / peer
    figures["raw socket loop, requests/s"] = base = (before + raw_loop(port, flows)) / 2
    for name in runs:
        figures[f"{name} / raw socket loop"] = figures[f"{name}, flows/s"] / base
    return figures | process_times()


def fsync_seconds() -> float:
    """The time of one fdatasync here: what a durable commit costs at least."""
    with tempfile.TemporaryFile() as file:
        times = []
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Runs the rounds and prints medians with their spread."""
    parser = argparse.ArgumentParser(description="Measures replayd on this machine.")
    parser.add_argument("--flows", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with target() as port:
        rounds = [round_of(port, arguments.flows) for _ in range(arguments.rounds)]
    figures = {
        name: (
            statistics.median(each[name] for each in rounds),
            min(each[name] for each in rounds),
            max(each[name] for each in rounds),
        )
        for name in rounds[0]
    }
    figures["one fdatasync, s"] = (fsync_seconds(),) * 3
    if arguments.json:
        print(json.dumps({name: median for name, (median, _, _) in figures.items()}))
        return
    print(f"{arguments.flows} flows in {SESSIONS} sessions, {arguments.rounds} rounds, medians")
    for name, (median, low, high) in figures.items():
        print(f"{name:42} {median:12,.4g}   [{low:,.4g} .. {high:,.4g}]")


if __name__ == "__main__":
    main()

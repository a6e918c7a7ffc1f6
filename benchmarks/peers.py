"""The peers: load generators and GoReplay, where they are found on the path.

A row of PEERS says how a peer is called for a workload and how its rate is read from what
it prints. They run on the client's core, with the request fields of `workloads`. None of
them queues, records or reports a single flow; none keeps an order. Knows nothing of how
often it is asked. mitmproxy has a module of its own.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import client_cores, on
from benchmarks.targets import Target
from benchmarks.workloads import FIELDS, Workload

TIME_LIMIT = 300
"""Seconds after which a peer counts as hung."""

_SECONDS = 2
"""How long a peer runs that takes a time and no number."""


class PeerFailed(Exception):  # noqa: N818 - it is an outcome, not a fault of ours
    """A peer ended with an error, or said nothing that can be read; the text says what."""


class Call(NamedTuple):
    """What a peer is asked to do."""

    workload: Workload
    url: str
    number: int
    folder: Path
    """For files that the peer reads."""

    @property
    def fields(self) -> list[str]:
        """The request's fields as lines."""
        return [f"{name}: {value}" for name, value in FIELDS]

    def each(self, option: str) -> list[str]:
        """Returns the request's fields as options."""
        return [word for line in self.fields for word in (option, line)]

    def file(self, name: str, text: str) -> str:
        """Writes a file for the peer; returns its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def content(self, option: str) -> list[str]:
        """Returns the option that posts the workload's content, none for a GET."""
        text = self.workload.content.decode()
        return [option, self.file("content", text)] if text else []


class Peer(NamedTuple):
    """A load generator."""

    program: str
    command: Callable[[Call], list[str]]
    rate: Callable[[str], float]
    """Requests a second by what it printed; raises PeerFailed when it can't be told."""


def number(pattern: str) -> Callable[[str], float]:
    """Returns a reader of the number that a pattern's group finds."""

    def read(said: str) -> float:
        found = re.search(pattern, said)
        if found is None:
            raise PeerFailed(f"nothing like {pattern!r} in: {said[-500:]}")
        return float(found[1])

    return read


def of_all(rate: str, failed: str) -> Callable[[str], float]:
    """Returns a reader of a rate that counts only when the number of failures is 0."""

    def read(said: str) -> float:
        if failures := number(failed)(said):
            raise PeerFailed(f"{failures:.0f} requests failed")
        return number(rate)(said)

    return read


def siege_rate(said: str) -> float:
    """Reads siege's JSON, which follows other words."""
    return of_all(r'"transaction_rate":\s*([\d.]+)', r'"failed_transactions":\s*(\d+)')(said)


def hey_rate(said: str) -> float:
    """Reads hey's summary: every response must be a 200."""
    if "Error distribution" in said or re.search(r"\[(?!200\])\d{3}\]\s+\d+ responses", said):
        raise PeerFailed(f"not all requests succeeded: {said[-500:]}")
    return number(r"Requests/sec:\s+([\d.]+)")(said)


def wrk_rate(said: str) -> float:
    """Reads wrk's summary, which mentions errors only when there are some."""
    if errors := re.search(r"(Socket errors|Non-2xx).*", said):
        raise PeerFailed(errors[0])
    return number(r"Requests/sec:\s+([\d.]+)")(said)


def vegeta_rate(said: str) -> float:
    """Reads vegeta's JSON report: the rate of successful answers."""
    try:
        report = json.loads(said)
        if report["success"] != 1:
            raise PeerFailed(f"not all requests succeeded: {report['errors']}")
        return float(report["throughput"])
    except (ValueError, KeyError) as error:
        raise PeerFailed(f"no report of vegeta ({error}): {said[-500:]}") from None


def _ab(call: Call) -> list[str]:
    posted = call.content("-p")
    kind = ["-T", "text/plain"] if posted else []
    slots = str(call.workload.concurrency)
    return ["-q", "-k", "-n", str(call.number), "-c", slots, *call.each("-H"), *posted, *kind,
            call.url]  # fmt: skip


def _hey(call: Call) -> list[str]:
    slots = call.workload.concurrency
    # It rounds the number down to a multiple of its workers.
    return ["-n", str(call.number), "-c", str(slots), "-m", call.workload.method,
            *call.each("-H"), *call.content("-D"), call.url]  # fmt: skip


def _wrk(call: Call) -> list[str]:
    body = call.workload.content.decode()
    script = f'wrk.method = "{call.workload.method}"\nwrk.body = {json.dumps(body)}\n'
    posted = ["-s", call.file("post.lua", script)] if body else []
    slots = str(call.workload.concurrency)
    return ["-t1", "-c", slots, f"-d{_SECONDS}s", *call.each("-H"), *posted, call.url]


def _h2load(call: Call) -> list[str]:
    slots = str(call.workload.concurrency)
    return ["--h1", "-t1", "-c", slots, "-n", str(call.number), *call.each("-H"),
            *call.content("-d"), call.url]  # fmt: skip


def _siege(call: Call) -> list[str]:
    settings = "connection = keep-alive\njson_output = true\nparser = false\nlimit = 512\n"
    slots = call.workload.concurrency
    each = str(max(call.number // slots, 1))
    return ["-R", call.file("siege.conf", settings), "-b", "-c", str(slots), "-r", each,
            *call.each("-H"), call.url]  # fmt: skip


def _vegeta(call: Call) -> list[str]:
    """Vegeta keeps what it measured in a file, that a second call of it reads."""
    content = call.content("@")
    asked = [
        f"{call.workload.method} {call.url}",
        *call.fields,
        *(f"@{each}" for each in content[1:]),
    ]
    targets, out = call.file("targets", "\n".join(asked) + "\n"), call.folder / "results"
    slots = call.workload.concurrency
    attack = (
        f"vegeta attack -rate=0 -max-workers={slots} -connections={slots} "
        f"-duration={_SECONDS}s -targets={targets} -output={out}"
    )
    return ["-c", f"{attack} && vegeta report -type=json {out}"]


PEERS = {
    "ab": Peer("ab", _ab, of_all(r"Requests per second:\s+([\d.]+)", r"Failed requests:\s+(\d+)")),
    "hey": Peer("hey", _hey, hey_rate),
    "wrk": Peer("wrk", _wrk, wrk_rate),
    "h2load": Peer(
        "h2load", _h2load, of_all(r"finished in .*?, ([\d.]+) req/s", r"(\d+) failed")
    ),
    "siege": Peer("siege", _siege, siege_rate),
    "vegeta": Peer("vegeta", _vegeta, vegeta_rate),
}  # fmt: skip
"""By the name that figures have."""


def found(name: str) -> bool:
    """Whether a peer is on this machine."""
    return shutil.which(PEERS[name].program) is not None


def peer_rate(name: str, target: Target, workload: Workload, usual: int) -> float:
    """Runs a peer on a workload, on the client's core; requests a second.

    Raises PeerFailed when it ends with an error or some of its requests do.
    """
    peer, count = PEERS[name], workload.count(usual)
    with tempfile.TemporaryDirectory() as folder:
        call = Call(workload, workload.url(target.port_of(workload), 0), count, Path(folder))
        program = "sh" if name == "vegeta" else peer.program
        with on(client_cores(same=workload.same_core)):
            rate = peer.rate(run([program, *peer.command(call)]))
    if not rate:
        raise PeerFailed("it got no answer in its time")
    return rate


def run(command: list[str]) -> str:
    """Runs a peer's command to its end; returns what it printed. Raises PeerFailed."""
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"{command[0]} did not end within {TIME_LIMIT} s") from None
    if ended.returncode:
        raise PeerFailed(f"{command[0]} ended with {ended.returncode}: {ended.stderr[-500:]}")
    return ended.stdout

"""Every hostile server that we know of, at once: each costs its own replay, by its deadline, with
its reason; the daemon's memory stays, and the next replay runs.

`test_hostile_servers` has those that are worth a test of their own.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2, flow_pb2, reason_pb2, replay_pb2

from tests.support.calls import enqueue, events, flow, outcomes, payload
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.hostile import Hostile
from tests.support.hostile_http1 import HTTP1
from tests.support.hostile_http2 import HTTP2
from tests.support.hostile_proxies import CONNECT, SOCKS
from tests.support.hostile_tls import TLS, TLS_RAW
from tests.support.hostile_websocket import WEBSOCKET
from tests.support.scripted_server import OK, ScriptedServer, answers
from tests.support.websockets import DEFLATE, heard, said, typed, websocket_flow

Make = Callable[[int], flow_pb2.Flow]
Flows = dict[str, flow_pb2.Flow]
Tls = ssl.SSLContext | None

MIB = 1 << 20
AUTO = replay_pb2.HTTP_VERSION_AUTO
TOTAL = 4.0
"""Seconds: `--total-timeout`."""
TIMES = f"--connect-timeout 1s --read-timeout 1500ms --total-timeout {TOTAL:g}s".split()
BRIEF = ["--connect-timeout", "400ms"]
LATE = 10.0
"""Seconds that a busy machine may add."""


def resident(daemon: Daemon, name: str) -> int:
    """The daemon's memory, now (VmRSS) or at its peak (VmHWM), in bytes."""
    lines = Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def ends(
    daemon: Daemon, *batches: Flows, http_version: replay_pb2.HttpVersion.ValueType = AUTO
) -> dict[str, event_pb2.Event]:
    """How the replay of each flow ended; those of the second batch are of another version."""
    stub, found = daemon.stub(), {}
    receipts = [
        enqueue(stub, flows.values(), http_version=http_version if number else AUTO)
        for number, flows in enumerate(batches)
    ]
    for flows, receipt in zip(batches, receipts, strict=True):
        assert receipt.accepted_count == len(flows), receipt
        seen = outcomes(events(stub, receipt.cursor, batch_id=receipt.batch_id))
        found |= {name: seen[f"{receipt.batch_id}.{at}"][0] for at, name in enumerate(flows)}
    return found


def reason(event: event_pb2.Event) -> str:
    """Empty for a response."""
    if payload(event) == "response":
        return ""
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


def judge(catalogue: Mapping[str, Hostile], ended: Mapping[str, event_pb2.Event]) -> None:
    """Compares the reasons, and looks at the times."""
    assert {name: reason(ended[name]) for name in catalogue} == {
        name: each.reason for name, each in catalogue.items()
    }
    for name in catalogue:
        if payload(ended[name]) == "error":
            error = ended[name].error
            assert error.message, name
            assert error.timings.total_duration.ToTimedelta().total_seconds() < TOTAL + LATE, name


@contextmanager
def unharmed(daemon: Daemon, good: flow_pb2.Flow) -> Iterator[None]:
    """What happens inside costs little memory, and the next replay runs."""
    assert reason(ends(daemon, {"good": good})["good"]) == ""
    before = resident(daemon, "VmRSS")
    yield
    assert resident(daemon, "VmHWM") - before < 64 * MIB
    assert reason(ends(daemon, {"good": good})["good"]) == ""


def over_http2(port: int) -> flow_pb2.Flow:
    """A flow of HTTP/2 without TLS."""
    made = flow(f"http://127.0.0.1:{port}/")
    made.request.http_version = b"HTTP/2.0"
    made.request.authority = b"host.example"
    del made.request.headers[:]
    return made


def over_tls(port: int) -> flow_pb2.Flow:
    """A flow of https."""
    return flow(f"https://localhost:{port}/")


def plain(port: int) -> flow_pb2.Flow:
    """A flow of http."""
    return flow(f"http://127.0.0.1:{port}/")


def conversation(port: int) -> flow_pb2.Flow:
    """A WebSocket flow whose client says something and waits for an answer."""
    return typed(websocket_flow(port, said("hello"), heard("hello"), said("bye"), offer=DEFLATE))


def test_servers(authority: Authority) -> None:
    tls = authority.server_context("localhost")
    options = [*TIMES, "--body-size-limit", "64k", "--ca-file", str(authority.ca_file)]
    with ExitStack() as stack:

        def serve(catalogue: Mapping[str, Hostile], make: Make, tls: Tls = None) -> Flows:
            servers = {
                name: ScriptedServer(each.script, tls=tls) for name, each in catalogue.items()
            }
            return {
                name: make(stack.enter_context(server).port) for name, server in servers.items()
            }

        flows = serve(HTTP1, plain) | serve(TLS_RAW, over_tls) | serve(TLS, over_tls, tls)
        flows |= serve(WEBSOCKET, conversation)
        http2 = serve(HTTP2, over_http2)
        good = stack.enter_context(ScriptedServer(answers(OK)))
        daemon = stack.enter_context(Daemon("--ephemeral", "--concurrency=200", *options))
        with unharmed(daemon, plain(good.port)):
            ended = ends(daemon, flows, http2, http_version=replay_pb2.HTTP_VERSION_TWO)
            judge({**HTTP1, **TLS_RAW, **TLS, **WEBSOCKET, **HTTP2}, ended)


@pytest.mark.parametrize(
    ("scheme", "catalogue"),
    [("http", CONNECT), ("socks5", SOCKS)],
    ids=["http", "socks5"],
)
def test_proxies(scheme: str, catalogue: Mapping[str, Hostile]) -> None:
    """One after the other: a proxy does not know whose connection it hears."""
    with (
        ScriptedServer(*(each.script for each in catalogue.values())) as proxy,
        Daemon("--ephemeral", "--upstream", f"{scheme}://127.0.0.1:{proxy.port}", *BRIEF) as daemon,
    ):
        before = resident(daemon, "VmRSS")
        flows = {name: flow("https://target.example/") for name in catalogue}
        judge(catalogue, ends(daemon, flows))
        assert resident(daemon, "VmHWM") - before < 64 * MIB
        assert len(proxy.peers) == len(catalogue)

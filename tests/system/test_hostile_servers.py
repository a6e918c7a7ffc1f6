"""A server that misbehaves costs its own replay, within its deadline, with its reason.

The flow after it runs; the queue never stands still.
"""

import socket
from collections.abc import Callable

import pytest
from flowreplay.v1 import reason_pb2

from tests.support.calls import enqueue, events, flow, outcomes, payload
from tests.support.daemon import Daemon
from tests.support.recorder import Exchange, Recorder

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def endless(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not exchange.closing.is_set():
        exchange.send(b"x" * 65536)


def stalls(exchange: Exchange) -> None:
    exchange.send(HEAD % 10 + b"12345")
    exchange.hang()


def drips(exchange: Exchange) -> None:
    """A byte each tenth of a second: never silent, never done."""
    exchange.send(HEAD % 1_000_000)
    while not exchange.closing.wait(0.1):
        exchange.send(b"x")


def cut_short(exchange: Exchange) -> None:
    exchange.send(HEAD % 10 + b"12345")
    exchange.close()


def garbage(exchange: Exchange) -> None:
    exchange.send(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    exchange.close()


def long_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.closing.is_set():
        exchange.send(b"X-Long: %s\r\n" % (b"x" * 8192))


def bad_length(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")
    exchange.close()


SERVERS: list[tuple[Callable[[Exchange], None], str]] = [
    (Exchange.hang, "FIRST_BYTE_TIMEOUT"),
    (stalls, "READ_TIMEOUT"),
    (drips, "TOTAL_TIMEOUT"),
    (Exchange.close, "CLOSED_EARLY"),
    (cut_short, "CLOSED_EARLY"),
    (Exchange.reset, "CONNECTION_RESET"),
    (garbage, "INVALID_RESPONSE"),
    (bad_length, "INVALID_RESPONSE"),
    (endless, "BODY_TOO_LARGE"),
    (long_head, "HEAD_TOO_LARGE"),
]


@pytest.fixture(scope="module")
def daemon() -> Daemon:
    options = "--ephemeral --read-timeout 400ms --total-timeout 1200ms --body-size-limit 256k"
    with Daemon(*options.split()) as running:
        yield running


@pytest.mark.parametrize(("answer", "reason"), SERVERS, ids=lambda x: getattr(x, "__name__", x))
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_each_has_its_reason_and_the_next_flow_runs(
    daemon: Daemon,
    start_recorder: Callable[..., Recorder],
    answer: Callable[[Exchange], None],
    reason: str,
    method: bytes,
) -> None:
    bad, good = start_recorder(answer), start_recorder()
    stub = daemon.stub()
    flows = [flow(f"http://{bad.address}/", method=method), flow(f"http://{good.address}/next")]
    receipt = enqueue(stub, flows)
    seen = events(stub, receipt.cursor, batch_id=receipt.batch_id)
    (first,), (second,) = outcomes(seen).values()
    assert reason_pb2.Reason.Name(first.error.reason) == f"REASON_{reason}", first
    assert first.error.message
    assert payload(second) == "response"
    assert second.response.head.status_code == 200
    # Within its deadline: 1.2 s for a whole replay, and what a busy machine adds.
    assert first.error.timings.total_duration.ToTimedelta().total_seconds() < 4
    assert len(good.requests) == 1
    if method == b"POST":
        assert len(bad.requests) == 1, "a POST is sent once"


def test_nobody_listens(daemon: Daemon, start_recorder: Callable[..., Recorder]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    good = start_recorder()
    stub = daemon.stub()
    receipt = enqueue(stub, [flow(f"http://{address}/"), flow(f"http://{good.address}/")])
    (first,), (second,) = outcomes(events(stub, receipt.cursor, batch_id=receipt.batch_id)).values()
    assert first.error.reason == reason_pb2.REASON_CONNECT_FAILED
    assert payload(second) == "response"

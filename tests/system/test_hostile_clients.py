"""Clients that misbehave, on the real daemon: each costs itself, and nobody else.

After each of them the daemon answers others at once, holds no more descriptors and threads
than before, little more memory, and has said one line of it at most.
"""

import contextlib
import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import flow_pb2, replay_pb2
from google.protobuf.message import Message
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PriorityFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from replayd.codec.cursor import Cursor, encode_cursor
from tests.support.calls import Stub
from tests.support.daemon import CHANNEL_OPTIONS, Daemon
from tests.support.processes import DEADLINE
from tests.support.raw_grpc import PREFACE, SERVICE, RawPeer, message, plain

RPCS = ("Enqueue", "PlanFlows", "Clear", "Count", "WatchEvents", "Pause", "Resume", "GetStatus")

MEMORY = 64 << 20
"""Bytes by which all of them together may make the daemon grow."""
DESCRIPTORS = 8
THREADS = 8
"""What may be more than before: a decoder that is kept, the pool's threads."""

MOST_SAID = 3
"""Lines of the log: one a second, on a slow machine."""

OK, INVALID, EXHAUSTED, UNIMPLEMENTED = "0", "3", "8", "12"
GONE = {"closed", "GOAWAY 1", "GOAWAY 2", "GOAWAY 3", "GOAWAY 6", "GOAWAY 9", "GOAWAY 11"}
"""The daemon ended the connection."""
RESET = {"RST 1", "RST 2", "RST 3", "RST 5", "RST 7", "RST 8", "RST 11"}
"""The daemon ended the stream."""

Hostile = Callable[[str], str]
"""Does its worst at an address; returns how it ended."""
CASES: dict[str, tuple[Hostile, set[str]]] = {}


def hostile(*endings: str) -> Callable[[Hostile], Hostile]:
    """Adds a case that must end in one of these ways; none: any will do."""

    def add(case: Hostile) -> Hostile:
        CASES[case.__name__] = case, set(endings)
        return case

    return add


def called(address: str, method: str, content: bytes, **fields: str) -> str:
    """A call of one request, with fields of its own."""
    with RawPeer(address) as peer:
        stream = peer.call(
            method, fields=[(name.replace("_", "-"), fields[name]) for name in fields]
        )
        peer.data(stream, content, end=True)
        return peer.status(stream)


def asked(address: str, method: str, *messages: bytes | Message) -> str:
    """A call by gRPC's own client, of messages that it takes for bytes."""
    encoded = [each if isinstance(each, bytes) else each.SerializeToString() for each in messages]
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        # On the wire all kinds of calls are one.
        call = channel.stream_stream(SERVICE + method)(iter(encoded), timeout=DEADLINE)
        try:
            for _ in call:
                pass
        except grpc.RpcError:
            pass  # its code says it
        return str(call.code().value[0])


# HTTP/2


@hostile("RST 7", "RST 11")
def thousand_streams(address: str) -> str:
    with RawPeer(address) as peer:
        streams = [peer.call("WatchEvents") for _ in range(1000)]
        return peer.status(streams[-1])


@hostile(OK, *RESET, *GONE)
def rapid_reset(address: str) -> str:
    with RawPeer(address) as peer:
        for _ in range(2000):
            peer.reset(peer.call())
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile("GOAWAY 11", "closed")
def ping_flood(address: str) -> str:
    with RawPeer(address) as peer:
        for _ in range(1000):
            peer.ping()
        return peer.status(1)


@hostile(OK, *GONE)
def settings_flood(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(*[SettingsFrame(0, {4: 65535})] * 2000)
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile(OK, *GONE)
def priority_flood(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(*[PriorityFrame(1, depends_on=0, stream_weight=1)] * 2000)
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile(OK, *RESET, *GONE)
def empty_frames(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call("Enqueue")
        peer.send(*[DataFrame(stream, b"")] * 5000)
        peer.data(stream, b"", end=True)
        return peer.status(stream)


@hostile(OK, *RESET, *GONE)
def window_overflow(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(*[WindowUpdateFrame(0, (1 << 31) - 1)] * 3)
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile("13", "14", *RESET, *GONE)
def window_zero(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call("WatchEvents")
        peer.send(b"\0\0\4\x08\0" + stream.to_bytes(4, "big") + bytes(4))
        return peer.status(stream)


@hostile(EXHAUSTED, *RESET, *GONE)
def endless_header_block(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(HeadersFrame(1, b""))
        peer.send(*[ContinuationFrame(1, b"\0\1x\x7f\x80\x7e" + b"y" * 16255)] * 200)
        peer.send(ContinuationFrame(1, b"", flags=("END_HEADERS",)))
        return peer.status(1)


@hostile(*RESET, *GONE)
def frame_too_large(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(b"\xff\xff\xff\0\0\0\0\0\1", b"x" * 100_000)
        return peer.status(1)


@hostile(OK, *RESET, *GONE)
def data_without_a_call(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(DataFrame(99, b"x" * 100))
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile()
def data_after_the_end(address: str) -> str:
    with RawPeer(address) as peer:
        peer.data(peer.call(end=True), message(b"") * 10)
    return ""


@hostile(OK, *RESET, *GONE)
def even_stream(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(HeadersFrame(2, b"\x83\x86\x84", flags=("END_HEADERS",)))
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile(*RESET, *GONE)
def no_pseudo_fields(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(HeadersFrame(1, b"", flags=("END_HEADERS", "END_STREAM")))
        return peer.status(1)


@hostile("13", *RESET, *GONE)
def broken_compression(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff", flags=("END_HEADERS",)))
        return peer.status(1)


@hostile(*GONE)
def ping_of_a_wrong_size(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(b"\0\0\x09\6\0\0\0\0\0" + b"123456789")
        return peer.status(1)


@hostile(OK, *RESET, *GONE)
def goaway_and_more_calls(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(GoAwayFrame(0, 0, 2))
        stream = peer.call()
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile("closed", *GONE)
def second_preface(address: str) -> str:
    with RawPeer(address) as peer:
        peer.send(PREFACE)
        return peer.status(1)


# Not HTTP/2


def said(address: str, content: bytes) -> str:
    """Sends bytes; returns `closed` once the daemon has hung up."""
    with contextlib.closing(plain(address)) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(content)
        while connection.recv(65536):
            pass
    return "closed"


@hostile("closed")
def garbage(address: str) -> str:
    return said(address, bytes(range(256)) * 10)


@hostile("closed")
def http1(address: str) -> str:
    return said(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


@hostile("closed")
def upgrade_to_http2(address: str) -> str:
    fields = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    return said(address, b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")


@hostile("closed")
def tls_without_tls(address: str) -> str:
    return said(address, b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3" + bytes(500))


@hostile()
def silent_connections(address: str) -> str:
    connections = [plain(address) for _ in range(400)]
    assert called(address, "Count", message(b"")) == OK, "who speaks is served beside them"
    for connection in connections:
        connection.close()
    return ""


@hostile()
def half_a_preface(address: str) -> str:
    for size in range(1, len(PREFACE)):
        with contextlib.closing(plain(address)) as connection:
            connection.sendall(PREFACE[:size])
    return ""


@hostile()
def half_a_frame(address: str) -> str:
    for size in range(1, 60):
        with RawPeer(address) as peer:
            peer.send((b"\0\0\x40\1\4\0\0\0\1" + b"x" * 64)[:size])
    return ""


# gRPC


@hostile(INVALID)
def large_metadata(address: str) -> str:
    return called(address, "Count", message(b""), x="y" * 60_000)


@hostile(INVALID, EXHAUSTED, *RESET)
def many_fields(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call(fields=[(f"x{number}", "y" * 20) for number in range(1000)])
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile(EXHAUSTED, INVALID, *RESET, *GONE)
def enormous_metadata(address: str) -> str:
    return called(address, "Count", message(b""), x="y" * 5_000_000)


@hostile(OK, UNIMPLEMENTED, "HTTP 415", *RESET)
def wrong_content_type(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call(content_type="text/html")
        peer.data(stream, message(b""), end=True)
        return peer.status(stream)


@hostile(UNIMPLEMENTED)
def unknown_method(address: str) -> str:
    return called(address, "Drop", message(b""))


@hostile(UNIMPLEMENTED)
def unknown_service(address: str) -> str:
    return called(address, "/" + "a" * 8000 + "/b", message(b""))


@hostile(EXHAUSTED)
def four_gibibytes_declared(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call("Enqueue")
        peer.data(stream, message(b"x", length=(1 << 32) - 1))
        return peer.status(stream)


@hostile(EXHAUSTED)
def nine_mebibytes(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call("Enqueue")
        peer.data(stream, message(b"x" * 1000, length=9 << 20))
        return peer.status(stream)


@hostile(EXHAUSTED)
def gzip_bomb(address: str) -> str:
    bomb = gzip.compress(bytes(16 << 20))
    return called(address, "Count", message(bomb, compressed=True), grpc_encoding="gzip")


@hostile("13", "2", *RESET)
def compressed_by_nothing(address: str) -> str:
    return called(address, "Count", message(b"abc", compressed=True))


@hostile()
def message_cut_by_the_end(address: str) -> str:
    with RawPeer(address) as peer:
        peer.data(peer.call("WatchEvents"), message(b"abc", length=1000), end=True)
    return ""


@hostile(INVALID)
def enqueue_cut_in_its_last_message(address: str) -> str:
    promised = replay_pb2.EnqueueOptions(end_follows=True)
    with RawPeer(address) as peer:
        stream = peer.call("Enqueue")
        options = replay_pb2.EnqueueRequest(options=promised)
        peer.data(stream, message(options.SerializeToString()))
        peer.data(stream, message(b"abc", length=1000), end=True)
        return peer.status(stream)


@hostile()
def message_cut_by_hanging_up(address: str) -> str:
    for _ in range(50):
        with RawPeer(address) as peer:
            peer.data(peer.call("Enqueue"), message(b"abc", length=1 << 20))
    return ""


def invalid_protobuf(method: str) -> Hostile:
    """A message that is none, to one of the RPCs."""

    def invalid(address: str) -> str:
        return called(address, method, message(b"\xff\xff\xff\xff\x0f"))

    invalid.__name__ = f"invalid_protobuf_{method}"
    return invalid


for rpc in RPCS:
    hostile(INVALID)(invalid_protobuf(rpc))


@hostile(OK, INVALID)
def deep_groups(address: str) -> str:
    return asked(address, "Count", b"\x1b" * 100_000)


@hostile(OK, INVALID)
def unknown_fields(address: str) -> str:
    return asked(address, "Count", b"\xfa\x3f\x80\x80\x80\x01" + b"x" * (1 << 21))


@hostile(INVALID)
def text_that_is_no_utf8(address: str) -> str:
    return called(address, "Clear", message(b"\x0a\x04\xff\xfe\xfd\xfc"))


@hostile("5")
def a_batch_of_a_megabyte(address: str) -> str:
    return asked(address, "Count", replay_pb2.CountRequest(batch_id="b" * (1 << 20)))


# The contract


@hostile(INVALID, *RESET)
def empty_messages(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call("Enqueue")
        peer.data(stream, message(b"") * 20_000)
        return peer.status(stream)


@hostile(INVALID)
def chunks_of_a_byte(address: str) -> str:
    chunk = replay_pb2.EnqueueRequest(capture_chunk=b"\0").SerializeToString()
    return asked(address, "Enqueue", *[chunk] * 500)


@hostile(INVALID)
def options_again_and_again(address: str) -> str:
    options = replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(label="x"))
    return asked(address, "Enqueue", *[options] * 100)


@hostile(INVALID)
def thousands_of_addresses(address: str) -> str:
    options = replay_pb2.EnqueueOptions()
    for port in range(10_000):
        options.connect_to.add(host="a", dial_host="b", dial_port=port + 100_000)
    return asked(address, "Enqueue", replay_pb2.EnqueueRequest(options=options))


@hostile(OK)
def a_flow_of_fields(address: str) -> str:
    header = flow_pb2.Header(name=b"x" * 50, value=b"\r\n\0" * 30)
    request = flow_pb2.Request(method=b"GET\r\n", path=b"\0", headers=[header] * 3000)
    batch = replay_pb2.FlowBatch(flows=[flow_pb2.Flow(request=request)])
    return asked(address, "Enqueue", replay_pb2.EnqueueRequest(flow_batch=batch))


@hostile()
def slow_sender(address: str) -> str:
    with RawPeer(address) as peer:
        stream = peer.call("Enqueue")
        chunk = replay_pb2.EnqueueRequest(capture_chunk=b"x" * 200).SerializeToString()
        for byte in message(chunk):
            peer.data(stream, bytes([byte]))
    return ""


@hostile()
def abandoned_enqueues(address: str) -> str:
    options = replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(label="x"))
    for _ in range(20):
        with RawPeer(address) as peer:
            for _ in range(50):
                stream = peer.call("Enqueue")
                peer.data(stream, message(options.SerializeToString()))
                peer.reset(stream)
    return ""


@hostile(EXHAUSTED)
def too_many_enqueues(address: str) -> str:
    with RawPeer(address) as peer:
        streams = [peer.call("Enqueue") for _ in range(70)]
        return peer.status(streams[-1])


@hostile(INVALID)
def absurd_limit(address: str) -> str:
    request = replay_pb2.WatchEventsRequest(content_limit_bytes=(1 << 63) - 1)
    return asked(address, "WatchEvents", request)


@hostile(INVALID)
def negative_limit(address: str) -> str:
    return asked(address, "WatchEvents", replay_pb2.WatchEventsRequest(content_limit_bytes=-1))


@hostile(INVALID)
def absurd_kinds(address: str) -> str:
    request = replay_pb2.WatchEventsRequest(kinds=[2**31 - 1, -5])  # type: ignore[list-item]
    return asked(address, "WatchEvents", request)


@hostile(INVALID)
def crafted_cursors(address: str) -> str:
    endings = {
        asked(address, "WatchEvents", replay_pb2.WatchEventsRequest(cursor=cursor))
        for cursor in ("x", "é" * 1000, "YzE", "A" * 100_000, "\0", "YzEAAAAB====")
    }
    return endings.pop() if len(endings) == 1 else str(endings)


@hostile("9", "11")
def cursors_of_elsewhere(address: str) -> str:
    cursor = encode_cursor(Cursor("0" * 16, (1 << 32) - 1, (1 << 63) - 1))
    return asked(address, "WatchEvents", replay_pb2.WatchEventsRequest(cursor=cursor))


@hostile()
def watchers_that_come_and_go(address: str) -> str:
    for _ in range(10):
        with RawPeer(address) as peer:
            for _ in range(30):
                peer.data(peer.call("WatchEvents"), message(b""), end=True)
    return ""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon("--ephemeral", "--paused") as running:
        # A decoder, the pool's threads and what is loaded late are there before.
        for method in ("Enqueue", "PlanFlows"):
            assert called(running.address, method, message(b"\xff")) == INVALID
        yield running


@pytest.fixture(scope="module")
def others(daemon: Daemon) -> Stub:
    """Who only wants to count."""
    return daemon.stub()


@pytest.fixture(scope="module")
def before(daemon: Daemon, others: Stub) -> tuple[int, int, int]:
    others.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    return held(daemon)


def held(daemon: Daemon) -> tuple[int, int, int]:
    """The daemon's memory, descriptors and threads."""
    process = Path(f"/proc/{daemon.process.pid}")
    fields = (process / "statm").read_text().split()
    memory = int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    descriptors, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
    return memory, descriptors, threads


@pytest.mark.parametrize("name", CASES)
def test_each_costs_itself_alone(
    daemon: Daemon, others: Stub, before: tuple[int, int, int], name: str
) -> None:
    case, endings = CASES[name]
    lines = len(daemon.process.stderr)
    ended = case(daemon.address)
    assert not endings or ended in endings, ended
    counted = others.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert (counted.queued_count, counted.running_count) == (0, 0)
    end = time.monotonic() + DEADLINE
    while True:
        memory, descriptors, threads = held(daemon)
        if descriptors <= before[1] + DESCRIPTORS or time.monotonic() > end:
            break
        # It closes them between the calls that it answers.
        others.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert descriptors <= before[1] + DESCRIPTORS
    assert threads <= before[2] + THREADS
    assert memory <= before[0] + MEMORY
    told = daemon.process.stderr[lines:]
    assert len(told) <= MOST_SAID, told


def test_nobody_is_missing() -> None:
    assert len(CASES) >= 40


def test_a_call_that_was_served_is_served_still(others: Stub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        others.Count(replay_pb2.CountRequest(batch_id="nosuch"), timeout=DEADLINE)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND

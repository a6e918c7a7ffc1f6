"""One request and its response: servers that are slow, early, endless, rude or plain."""

import threading
from contextlib import closing

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.journal.body import SpoolBody
from replayd.journal.interface import Part
from replayd.model.plan import Framing, Plan
from replayd.model.replay import ReplayKey
from replayd.replay.budget import Budget
from replayd.replay.http1 import Http1Transfer
from replayd.wire.http1 import H11Reader
from replayd.wire.plain import PlainReader
from replayd.wire.poller import Connection
from replayd.wire.settings import TlsSettings, WireSettings
from replayd.wire.tls_context import TlsContext
from replayd.wire.transport import LARGE_RECEIVE_SIZE, RECEIVE_SIZE, TcpTransport
from tests.support.certificates import Authority
from tests.support.connections import TARGET, Network
from tests.support.peers import establish, tls_pair
from tests.support.processes import DEADLINE
from tests.support.replaying import ROW_CONTENT_LIMIT, Replaying, flow
from tests.support.scripted_server import OK, Peer, Script, ScriptedServer, answers

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = bytes(range(256)) * (ROW_CONTENT_LIMIT // 256 + 1)


def never_answers(peer: Peer) -> None:
    peer.request()
    peer.until_closed()


def closes(peer: Peer) -> None:
    peer.request()


def resets(peer: Peer) -> None:
    peer.request()
    peer.reset()


def resets_in_content(peer: Peer) -> None:
    peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
    peer.until_released()
    peer.reset()


def stops(peer: Peer) -> None:
    peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
    peer.until_closed()


def floods(piece: bytes, start: bytes = b"") -> Script:
    """Sends for as long as anybody listens."""

    def script(peer: Peer) -> None:
        peer.answer(start)
        while True:
            peer.send(piece)

    return script


HOSTILE: dict[str, tuple[Script, str]] = {
    "never-answers": (never_answers, "FIRST_BYTE_TIMEOUT"),
    "closes": (closes, "CLOSED_EARLY"),
    "resets": (resets, "CONNECTION_RESET"),
    "garbage": (answers(b"\x00\x01 hello"), "INVALID_RESPONSE"),
    "another-protocol": (answers(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "INVALID_RESPONSE"),
    "stops": (stops, "READ_TIMEOUT"),
    "cut": (answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"), "CLOSED_EARLY"),
    "cut-chunks": (answers(CHUNKED + b"4\r\npart\r\n"), "CLOSED_EARLY"),
    "endless-content": (floods(b"x" * 9999, b"HTTP/1.1 200 OK\r\n\r\n"), "BODY_TOO_LARGE"),
    "endless-chunks": (floods(b"1\r\nx\r\n" * 999, CHUNKED), "BODY_TOO_LARGE"),
    "endless-head": (floods(b"X-Y: z\r\n" * 99, b"HTTP/1.1 200 OK\r\n"), "HEAD_TOO_LARGE"),
    "endless-line": (floods(b"x" * 9999, b"HTTP/1.1 200 "), "HEAD_TOO_LARGE"),
    "endless-interims": (floods(b"HTTP/1.1 102 Wait\r\n\r\n"), "HEAD_TOO_LARGE"),
    "endless-trailers": (floods(b"X: y\r\n" * 99, CHUNKED + b"0\r\n"), "HEAD_TOO_LARGE"),
    "101": (answers(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), "INVALID_RESPONSE"),
}


def reason(event: event_pb2.Event) -> str:
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


@pytest.mark.parametrize(("script", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_fails_its_replay_and_the_next_one_runs(
    script: Script, expected: str
) -> None:
    # Short only where it is waited for; long enough then for a part to come first.
    read_timeout = 0.5 if expected.endswith("_TIMEOUT") else DEADLINE
    with (
        ScriptedServer(script) as hostile,
        ScriptedServer(answers(OK)) as plain,
        Replaying(read_timeout=read_timeout, body_size_limit=20_000) as replaying,
    ):
        failed, succeeded = replaying.run(flow(hostile.port), flow(plain.port))
        assert reason(failed) == expected
        assert failed.error.state == event_pb2.REPLAY_STATE_FAILED
        assert failed.error.message
        assert succeeded.response.content == b"ok"


def test_what_came_of_too_much_is_kept() -> None:
    script = floods(b"x" * 9999, b"HTTP/1.1 206 Some\r\nA: b\r\n\r\n")
    with ScriptedServer(script) as server, Replaying(body_size_limit=100_000) as replaying:
        (failed,) = replaying.run(flow(server.port))
        assert failed.error.head.status_code == 206
        assert failed.error.content == b"x" * 65536
        assert failed.error.content_size_bytes == 100_000
        assert failed.error.content_truncated


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        (answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"), b"part"),
        (floods(b"x" * 9999, b"HTTP/1.1 200 OK\r\n\r\n"), b""),
    ],
    ids=["part", "too-much"],
)
def test_a_part_is_kept_whole_and_too_much_is_not(script: Script, kept: bytes) -> None:
    with ScriptedServer(script) as server, Replaying(body_size_limit=20_000) as replaying:
        replaying.run(flow(server.port))
        key = ReplayKey("batch1", 0, 0)
        assert b"".join(replaying.journal.content(key, Part.RESPONSE)) == kept


def test_content_up_to_the_limit_is_not_too_much() -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    with ScriptedServer(answers(response)) as server:
        with Replaying(body_size_limit=1000) as replaying:
            assert replaying.run(flow(server.port))[0].response.content_size_bytes == 1000
        with Replaying(body_size_limit=999) as replaying:
            assert reason(replaying.run(flow(server.port))[0]) == "BODY_TOO_LARGE"


def test_a_reset_in_the_content_keeps_what_came() -> None:
    with ScriptedServer(resets_in_content) as server, Replaying(read_timeout=5.0) as replaying:
        batch = replaying.enqueue(flow(server.port))
        server.wait_for_peers(1)
        server.released.set()
        (failed,) = replaying.outcomes(batch, 1)
        assert reason(failed) == "CONNECTION_RESET"
        assert failed.error.content in (b"part", b"")


def test_a_dripping_head_is_too_slow() -> None:
    def drips(peer: Peer) -> None:
        peer.request()
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000_000:
            peer.send(bytes([byte]))

    with ScriptedServer(drips) as server, Replaying(min_rate_after=0.05, min_rate=1 << 30) as run:
        assert reason(run.run(flow(server.port))[0]) == "TOO_SLOW"


def test_a_stream_of_undeclared_length_may_drip() -> None:
    def drips(peer: Peer) -> None:
        peer.answer(CHUNKED)
        for _ in range(300):
            peer.send(b"1\r\nx\r\n")
        peer.send(b"0\r\n\r\n")

    with ScriptedServer(drips) as server, Replaying(min_rate_after=0.0, min_rate=1 << 30) as run:
        assert run.run(flow(server.port))[0].response.content == b"x" * 300


def test_the_total_timeout_ends_what_never_pauses() -> None:
    script = floods(b"1\r\nx\r\n", CHUNKED)
    with ScriptedServer(script) as server, Replaying(total_timeout=0.3) as replaying:
        (failed,) = replaying.run(flow(server.port))
        assert reason(failed) == "TOTAL_TIMEOUT"
        assert failed.error.timings.total_duration.ToMilliseconds() >= 300


def test_a_request_that_nobody_reads() -> None:
    def deaf(peer: Peer) -> None:
        peer.until_released()

    content = b"x" * 20_000_000
    with ScriptedServer(deaf) as server, Replaying(read_timeout=0.3) as replaying:
        (failed,) = replaying.run(flow(server.port, method=b"PUT", content=content))
        assert reason(failed) == "WRITE_TIMEOUT"
        assert not failed.error.timings.HasField("sent_duration")


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_the_request_arrives_as_planned(content: bytes) -> None:
    with ScriptedServer(answers(OK)) as server, Replaying() as replaying:
        headers = ((b"Host", b"X"), (b"x-ODD", b"\xff"), (b"Content-Length", b"%d" % len(content)))
        replaying.run(flow(server.port, method=b"POST", content=content, headers=headers))
        head = b"POST / HTTP/1.1\r\nHost: X\r\nx-ODD: \xff\r\nContent-Length: %d\r\n\r\n"
        assert server.requests == [head % len(content) + content]


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_chunked_content_is_one_chunk_with_its_trailers(content: bytes) -> None:
    with ScriptedServer(answers(OK)) as server, Replaying() as replaying:
        headers = ((b"Host", b"x"), (b"Http1Transfer-Encoding", b"chunked"))
        replaying.run(
            flow(
                server.port,
                method=b"POST",
                content=content,
                headers=headers,
                trailers=((b"Sum", b"1"),),
            )
        )
        assert server.requests[0].endswith(
            b"\r\n\r\n%x\r\n%b\r\n0\r\nSum: 1\r\n\r\n" % (len(content), content)
        )


EXPECTING = ((b"Host", b"x"), (b"Expect", b"100-continue"), (b"Content-Length", b"4"))


def read_head(peer: Peer) -> None:
    """Reads no further: a slow script may find the content right behind the head."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = peer.receive(1)
        assert piece, "it closed within the head"
        head += piece


def test_content_waits_for_continue() -> None:
    def script(peer: Peer) -> None:
        read_head(peer)
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.receive(4) == b"body"
        peer.send(OK)

    with ScriptedServer(script) as server, Replaying() as replaying:
        (ended,) = replaying.run(
            flow(server.port, method=b"POST", content=b"body", headers=EXPECTING)
        )
        assert list(ended.response.head.interim_status_codes) == [100]
        assert not ended.response.early


def test_content_does_not_wait_for_ever() -> None:
    def script(peer: Peer) -> None:
        read_head(peer)
        assert peer.receive(4) == b"body"
        peer.send(OK)

    with ScriptedServer(script) as server, Replaying(expect_timeout=0.05) as replaying:
        (ended,) = replaying.run(
            flow(server.port, method=b"POST", content=b"body", headers=EXPECTING)
        )
        assert ended.response.head.status_code == 200


def test_other_interim_responses_do_not_hold_content_back() -> None:
    def script(peer: Peer) -> None:
        read_head(peer)
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        assert peer.receive(4) == b"body"
        peer.send(OK)

    with ScriptedServer(script) as server, Replaying(expect_timeout=0.05) as replaying:
        (ended,) = replaying.run(
            flow(server.port, method=b"POST", content=b"body", headers=EXPECTING)
        )
        assert list(ended.response.head.interim_status_codes) == [103]


def test_what_tls_holds_back_leaves_once_there_is_room(authority: Authority) -> None:
    tls = TlsContext(TlsSettings(ca_file=str(authority.ca_file)))
    transport, peer, lower = tls_pair(authority.server_context("test.example"), tls)
    establish(transport, peer.shake_hands)
    peer.receive_all()
    lower.room = 10
    network = Network()
    connection = Connection(transport, TARGET, network.owner, network.poller)
    planned = Plan(b"PUT", b"", TARGET, b"PUT / HTTP/1.1\r\n\r\n", Framing.RAW, 4)
    settings = WireSettings()
    with closing(network), closing(connection):
        transfer = Http1Transfer(
            connection,
            planned,
            H11Reader(b"PUT", settings),
            settings,
            content=(b"body",),
            whole=True,
            new_body=lambda: SpoolBody(None),
            budget=Budget(settings.memory_budget, settings.body_size_limit, lambda _: None),
            wake=lambda: None,
        )
        transfer.begin(1)
        assert transfer.sent is None
        lower.room = 1000
        transfer.on_ready(2, readable=False, writable=True)
        assert peer.receive_all() == b"PUT / HTTP/1.1\r\n\r\nbody"
        assert transfer.sent == 2


def test_content_that_nobody_wants_is_not_sent() -> None:
    def script(peer: Peer) -> None:
        read_head(peer)
        peer.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        assert peer.receive(4) == b""  # closed: the content was never sent

    with ScriptedServer(script) as server, Replaying(expect_timeout=DEADLINE) as replaying:
        (ended,) = replaying.run(
            flow(server.port, method=b"POST", content=b"body", headers=EXPECTING)
        )
        assert ended.response.head.status_code == 417
        assert ended.response.early


@pytest.mark.parametrize("then", ["reads-on", "closes", "resets"])
def test_an_early_response_counts(then: str) -> None:
    def script(peer: Peer) -> None:
        peer.receive(100)
        peer.send(b"HTTP/1.1 413 Too much\r\nContent-Length: 3\r\n\r\nno!")
        if then == "reads-on":
            peer.until_closed()
        elif then == "resets":
            peer.reset()

    with ScriptedServer(script) as server, Replaying() as replaying:
        content = b"x" * 20_000_000
        (ended,) = replaying.run(flow(server.port, method=b"PUT", content=content))
        assert ended.response.head.status_code == 413
        assert ended.response.content == b"no!"
        assert ended.response.early


@pytest.mark.parametrize(
    ("framing", "larger"), [(b"Content-Length: 300000", True), (b"Connection: close", False)]
)
def test_content_of_declared_length_is_taken_in_larger_pieces(
    monkeypatch: pytest.MonkeyPatch, framing: bytes, larger: bool
) -> None:
    """Other content may be cut into chunks that each take their time."""
    asked: list[int] = []
    receive = TcpTransport.receive

    def spy(transport: TcpTransport, size: int = RECEIVE_SIZE) -> bytes | None:
        asked.append(size)
        return receive(transport, size)

    def script(peer: Peer) -> None:
        read_head(peer)
        peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing + bytes(300_000))

    monkeypatch.setattr(TcpTransport, "receive", spy)
    with ScriptedServer(script) as server, Replaying() as replaying:
        (ended,) = replaying.run(flow(server.port))
        assert ended.response.content_size_bytes == 300_000
    assert asked[0] == RECEIVE_SIZE
    assert (LARGE_RECEIVE_SIZE in asked) is larger


def getting(network: Network) -> Http1Transfer:
    """A transfer that sent its GET, on a scripted connection, and keeps what comes in memory."""
    settings = WireSettings()
    transfer = Http1Transfer(
        network.connection(),
        Plan(b"GET", b"", TARGET, b"GET / HTTP/1.1\r\n\r\n", Framing.NONE, 0),
        PlainReader(b"GET", settings),
        settings,
        content=(),
        whole=True,
        new_body=lambda: SpoolBody(None),
        budget=Budget(settings.memory_budget, settings.body_size_limit, lambda _: None),
        wake=lambda: None,
    )
    transfer.begin(1)
    return transfer


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", 5),
        (CHUNKED + b"%x\r\n" % 9999999, 1),
    ],
    ids=["declared", "chunked"],
)
def test_content_of_declared_length_that_is_there_is_taken_in_one_turn(
    head: bytes, taken: int
) -> None:
    """Up to a MiB and what came with the head: others have their turn, too."""
    with closing(Network()) as network:
        transfer = getting(network)
        server = network.transports[transfer.connection]
        server.arrive(head + bytes(RECEIVE_SIZE - len(head)))
        for _ in range(7):
            server.arrive(bytes(LARGE_RECEIVE_SIZE))
        assert not transfer.on_ready(2, readable=True, writable=False)
        assert transfer.body is not None
        size = RECEIVE_SIZE + (taken - 1) * LARGE_RECEIVE_SIZE
        assert transfer.body.size == size - len(head)
        transfer.abort()


@pytest.mark.parametrize(("size", "taken"), [(RECEIVE_SIZE, 3), (RECEIVE_SIZE - 1, 1)])
def test_it_reads_on_where_a_full_piece_was_received_before_it(size: int, taken: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"
    with closing(Network()) as network:
        transfer = getting(network)
        server = network.transports[transfer.connection]
        for _ in range(2):
            server.arrive(bytes(LARGE_RECEIVE_SIZE))
        assert not transfer.take(head + bytes(size - len(head)), 2)
        assert transfer.body is not None
        assert transfer.body.size == size + (taken - 1) * LARGE_RECEIVE_SIZE - len(head)
        transfer.abort()


def test_an_early_response_ends_its_connection_even_if_all_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noticed = threading.Event()
    heed = Http1Transfer._heed

    def tell(transfer: Http1Transfer, now: int) -> None:
        heed(transfer, now)
        noticed.set()

    monkeypatch.setattr(Http1Transfer, "_heed", tell)

    def script(peer: Peer) -> None:
        peer.receive(100)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        # More than fits on the way: all is sent only once the server takes it.
        assert noticed.wait(DEADLINE)
        left = 20_000_000
        while left > 0:
            left -= len(peer.receive(left))
        peer.send(b"k")
        peer.until_closed()

    content = b"x" * 20_000_100
    with ScriptedServer(script, answers(OK)) as server, Replaying() as replaying:
        ended = replaying.run(
            flow(server.port, method=b"PUT", content=content, session="a"),
            flow(server.port, session="a"),
        )
        assert [each.response.early for each in ended] == [True, False]
        assert ended[0].response.timings.HasField("sent_duration")
        assert len(server.peers) == 2


def test_large_content_comes_whole() -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE
    with ScriptedServer(answers(response)) as server, Replaying() as replaying:
        (ended,) = replaying.run(flow(server.port))
        # No text: nothing of it is shown, and all of it is kept.
        assert (ended.response.content, ended.response.content_redacted) == (b"", True)
        assert ended.response.content_size_bytes == len(LARGE)
        assert not ended.error.message


@pytest.mark.parametrize(
    ("response", "method", "content"),
    [
        (b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"HEAD", b""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"GET", b"until the end"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"GET", b"until the end"),
    ],
)
def test_ends_where_the_response_ends(response: bytes, method: bytes, content: bytes) -> None:
    with ScriptedServer(answers(response)) as server, Replaying() as replaying:
        (ended,) = replaying.run(flow(server.port, method=method))
        assert ended.response.content == content


def test_trailers_are_told() -> None:
    response = CHUNKED + b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"
    with ScriptedServer(answers(response)) as server, Replaying() as replaying:
        (ended,) = replaying.run(flow(server.port))
        assert [(each.name, each.value) for each in ended.response.trailers] == [(b"X-Sum", b"1")]


def test_a_lenient_response_is_marked_and_its_connection_not_used_again() -> None:
    response = b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
    with ScriptedServer(answers(response)) as server, Replaying() as replaying:
        ended = replaying.run(flow(server.port), flow(server.port))
        assert [each.response.lenient for each in ended] == [True, True]
        assert len(server.peers) == 2

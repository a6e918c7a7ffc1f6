"""The recorder finds where requests end, keeps every byte, and answers as told."""

import socket
import ssl

import pytest

from tests.support.certificates import Authority
from tests.support.recorder import Exchange, Recorder

CHUNKED = (
    b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"
)
SIZED = b"PUT /b HTTP/1.0\r\ncontent-length: 4\r\n\r\n\r\n\r\n"
BARE = b"GET * HTTP/1.1\r\n\r\n"


def connect(recorder: Recorder) -> socket.socket:
    return socket.create_connection(("127.0.0.1", recorder.port), timeout=30)


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_requests_are_kept_byte_for_byte(step: int) -> None:
    data = CHUNKED + SIZED + BARE
    with Recorder() as recorder, connect(recorder) as client:
        for at in range(0, len(data), step):
            client.sendall(data[at : at + step])
        first, second, third = recorder.wait_for(3)
    assert [first.raw, second.raw, third.raw] == [CHUNKED, SIZED, BARE]
    assert [first.content, second.content, third.content] == [b"abcde", b"\r\n\r\n", b""]
    assert first.field(b"HOST") == b"x"
    assert first.start_line == b"POST /a HTTP/1.1"


def test_connections_are_numbered() -> None:
    with Recorder() as recorder:
        for count in (1, 2):
            with connect(recorder) as client:
                client.sendall(BARE)
                recorder.wait_for(count)
        assert [request.connection for request in recorder.requests] == [0, 1]


def test_the_tls_name_is_kept(authority: Authority) -> None:
    trust = ssl.create_default_context(cafile=str(authority.ca_file))
    with (
        Recorder(tls=authority.server_context("a.test")) as recorder,
        trust.wrap_socket(connect(recorder), server_hostname="a.test") as client,
    ):
        client.sendall(BARE)
        (request,) = recorder.wait_for(1)
    assert request.server_name == "a.test"


def test_a_reset_is_a_reset() -> None:
    with Recorder(Exchange.reset) as recorder, connect(recorder) as client:
        client.sendall(BARE)
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_closing_frees_an_answer_that_hangs() -> None:
    with Recorder(Exchange.hang) as recorder, connect(recorder) as client:
        client.sendall(BARE)
        recorder.wait_for(1)


@pytest.mark.parametrize("sent", [b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort", b"GET /"])
def test_an_impatient_recorder_keeps_and_answers_what_does_not_end(sent: bytes) -> None:
    with Recorder(patience=0.05) as recorder, connect(recorder) as client:
        client.sendall(sent)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        [request] = recorder.wait_for(1)
        peer = client.getsockname()[1]
    assert (request.raw, request.whole, request.peer) == (sent, False, peer)


def test_what_came_before_the_client_closed_can_be_waited_for() -> None:
    with Recorder(patience=30) as recorder:
        with connect(recorder) as client:
            client.sendall(BARE + b"rest")
            recorder.wait_for(1)
        recorder.wait_until_closed()
        assert [request.raw for request in recorder.requests] == [BARE, b"rest"]

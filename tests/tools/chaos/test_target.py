"""The target writes each request down before it answers, and goes on after its death."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import DEADLINE
from tools.chaos.marks import Start
from tools.chaos.target import Target


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    target = Target(tmp_path / "book")
    yield target
    target.kill()


def ask(target: Target, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", target.port), DEADLINE) as peer:
        peer.sendall(request)
        try:
            return peer.recv(1 << 16)
        except ConnectionResetError:
            return b"reset"


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def test_an_answer_names_the_line_of_its_request(target: Target) -> None:
    assert ask(target, get("/t/0/0/ok")).endswith(b"\r\n\r\n0")
    post = b"POST /t/1/0/error HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"
    assert ask(target, post) == b"HTTP/1.1 500 Chaos\r\nContent-Length: 1\r\n\r\n1"
    assert ask(target, get("/t/2/0/slow")).endswith(b"\r\n\r\n2")
    assert ask(target, get("/t/3/0/close")) == b""
    assert ask(target, get("/t/4/0/reset")) == b"reset"
    lines = target.book.read_text().splitlines()
    assert lines[:2] == ["GET /t/0/0/ok", "POST /t/1/0/error"]
    assert len(lines) == 5


def test_who_begins_with_a_handshake_is_served_over_tls(target: Target) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", target.port), DEADLINE) as plain,
        context.wrap_socket(plain) as peer,
    ):
        peer.sendall(get("/t/0/0/ok"))
        assert peer.recv(1 << 16).endswith(b"\r\n\r\n0")
        peer.sendall(get("/t/1/0/ok"))
        assert peer.recv(1 << 16).endswith(b"\r\n\r\n1")
    assert ask(target, b"\x16 is no handshake\r\n\r\n") != b"", "an alert"
    assert ask(target, get("/t/2/0/ok")).endswith(b"\r\n\r\n2")


def test_it_goes_on_after_its_death(target: Target) -> None:
    ask(target, get("/t/0/0/ok"))
    port = target.port
    target.kill()
    with target.book.open("a") as book:
        book.write("GET /t/1")
    target.start()
    assert target.port == port
    assert ask(target, get("/t/1/0/ok")).endswith(b"\r\n\r\n1")
    assert target.book.read_text() == "GET /t/0/0/ok\nGET /t/1/0/ok\n"


def test_a_mark_comes_after_what_was_sent_before_it(target: Target) -> None:
    peers = [socket.create_connection(("127.0.0.1", target.port), DEADLINE) for _ in range(20)]
    for number, peer in enumerate(peers):
        peer.sendall(get(f"/t/{number}/0/ok"))
        peer.close()
    target.mark(Start(1, paused=False))
    lines = target.book.read_text().splitlines()
    assert len(lines) == 21
    assert lines[-1] == "GET /.mark/start/1/0"

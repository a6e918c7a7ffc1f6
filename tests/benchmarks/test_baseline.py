"""The loops against a scripted peer: what they count, and that pieces are put together."""

import socket
import threading
from collections.abc import Callable

import pytest

from benchmarks.baseline import answer_size, blocking_loop, epoll_loop
from benchmarks.target import answer

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
ANSWER = answer(b"x" * 100)


class Peer:
    """Answers a number of requests in two pieces; `requests` has what came."""

    def __init__(self, number: int) -> None:
        self.near, self._far = socket.socketpair()
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, args=(number,))
        self._thread.start()

    def _serve(self, number: int) -> None:
        with self._far:
            for _ in range(number):
                if not (request := self._far.recv(100)):
                    return
                self.requests.append(request)
                self._far.sendall(ANSWER[:30])
                self._far.sendall(ANSWER[30:])
            # Closed right after an answer, it would not be seen when.
            self._far.recv(100)

    def close(self) -> None:
        self.near.close()
        self._thread.join(10)


def ask(peers: list[Peer], run: Callable[[], float]) -> list[int]:
    """Runs a loop against peers; how many requests each had."""
    try:
        assert run() > 0
    finally:
        for peer in peers:
            peer.close()
    return [len(peer.requests) for peer in peers]


def test_an_answers_size_is_head_and_content() -> None:
    peer = Peer(1)
    assert ask([peer], lambda: answer_size(peer.near, REQUEST)) == [1]
    assert peer.requests == [REQUEST]


def test_the_blocking_loop_asks_as_often_as_it_should() -> None:
    # One more tells the answers' size.
    peer = Peer(6)
    assert ask([peer], lambda: blocking_loop(peer.near, REQUEST, 5)) == [6]


def test_the_epoll_loop_shares_the_requests_among_its_connections() -> None:
    peers = [Peer(20), Peer(20)]
    asked = ask(peers, lambda: epoll_loop([peer.near for peer in peers], REQUEST, 9))
    assert sum(asked) == 10
    assert min(asked) > 0


def test_a_server_that_closes_is_told_of() -> None:
    peer = Peer(1)
    with pytest.raises(SystemExit, match="closed a connection"):
        ask([peer], lambda: blocking_loop(peer.near, REQUEST, 5))

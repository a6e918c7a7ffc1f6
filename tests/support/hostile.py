"""Servers that do what they must not: what each says, and the reason that its replay ends with.

A script never ends by itself unless that is its point: it talks, or is silent, until the client
leaves. The catalogues are `hostile_http1`, `hostile_tls`, `hostile_http2`, `hostile_websocket`
and `hostile_proxies`.
"""

from typing import NamedTuple

from tests.support.scripted_server import Peer, Script

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HEAD + b"Content-Length: %d\r\n\r\n"
PIECE = bytes(65536)


class Hostile(NamedTuple):
    """One of them."""

    script: Script
    reason: str
    """Empty: its response is put up with."""


def says(*pieces: bytes, close: bool = False) -> Script:
    """Answers with these bytes; then it is silent, or closes."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"".join(pieces))
        if not close:
            peer.until_closed()

    return script


def floods(start: bytes, piece: bytes) -> Script:
    """Goes on for as long as anybody listens."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.send(piece)

    return script


def drips(start: bytes, drop: bytes = b"x") -> Script:
    """A drop each tenth of a second: never silent, never done."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while not peer.released.wait(0.1):
            peer.send(drop)

    return script


def resets(start: bytes) -> Script:
    """Breaks off with a reset."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        peer.reset()

    return script


def silent(peer: Peer) -> None:
    """Reads, and never says a word."""
    peer.until_closed()


def leaves(peer: Peer) -> None:
    """Closes as soon as it was asked."""
    peer.request()

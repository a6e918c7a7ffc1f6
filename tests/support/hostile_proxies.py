"""Upstream proxies that nobody should have."""

from tests.support.hostile import HEAD, PIECE, Hostile, drips, floods, leaves, resets, says, silent
from tests.support.scripted_server import Peer, Script


def replies(*answers: bytes) -> Script:
    """Answers whatever comes with one after the other, then is silent."""

    def script(peer: Peer) -> None:
        for answer in answers:
            peer.receive(65536)
            peer.send(answer)
        peer.until_closed()

    return script


def socks_drips(peer: Peer) -> None:
    """Agrees, and hands out an answer byte by byte."""
    peer.receive(65536)
    peer.send(b"\5\0")
    peer.receive(65536)
    peer.send(b"\5\0\0\3\xff")
    while not peer.released.wait(0.1):
        peer.send(b"x")


def socks_floods(peer: Peer) -> None:
    """Goes on and on."""
    peer.receive(65536)
    while True:
        peer.send(bytes(65536))


CONNECT = {
    "proxy-silence": Hostile(silent, "CONNECT_TIMEOUT"),
    "proxy-drips": Hostile(drips(HEAD), "CONNECT_TIMEOUT"),
    "proxy-endless-head": Hostile(floods(HEAD, b"X-Y: z\r\n" * 999), "HEAD_TOO_LARGE"),
    "proxy-endless-interims": Hostile(
        floods(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 99), "HEAD_TOO_LARGE"
    ),
    "proxy-garbage": Hostile(says(b"\0\1\2\r\n\r\n"), "INVALID_RESPONSE"),
    "proxy-refuses": Hostile(
        says(b"HTTP/1.1 403 No\r\nContent-Length: 9999999\r\n\r\n" + PIECE), "PROXY_REFUSED"
    ),
    "proxy-closes": Hostile(leaves, "CLOSED_EARLY"),
    "proxy-resets": Hostile(resets(b""), "CONNECTION_RESET"),
    "tunnel-to-nowhere": Hostile(says(HEAD + b"\r\nthis is no TLS"), "TLS_FAILED"),
    "tunnel-that-is-silent": Hostile(says(HEAD + b"\r\n"), "TLS_TIMEOUT"),
}
"""Answers to CONNECT."""

SOCKS = {
    "socks-silence": Hostile(silent, "CONNECT_TIMEOUT"),
    "socks-of-4": Hostile(replies(b"\0\x5a" + bytes(6)), "INVALID_RESPONSE"),
    "socks-http": Hostile(replies(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "INVALID_RESPONSE"),
    "socks-other-method": Hostile(replies(b"\5\x80"), "INVALID_RESPONSE"),
    "socks-no-method": Hostile(replies(b"\5\xff"), "PROXY_REFUSED"),
    "socks-too-early": Hostile(replies(b"\5\0" + b"\5\0\0\1" + bytes(6)), "INVALID_RESPONSE"),
    "socks-refuses": Hostile(replies(b"\5\0", b"\5\2\0\1" + bytes(6)), "PROXY_REFUSED"),
    "socks-odd-address": Hostile(replies(b"\5\0", b"\5\0\0\7" + bytes(6)), "INVALID_RESPONSE"),
    "socks-drips": Hostile(socks_drips, "CONNECT_TIMEOUT"),
    "socks-floods": Hostile(socks_floods, "INVALID_RESPONSE"),
    "socks-closes": Hostile(replies(b"\5\0", b""), "CONNECT_TIMEOUT"),
}
"""Answers of a SOCKS5 proxy."""

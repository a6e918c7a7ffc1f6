"""TLS that is none, or that breaks off."""

import os
import socket

from tests.support.hostile import HEAD, PIECE, SIZED, Hostile, drips, floods, silent
from tests.support.scripted_server import Peer, Script


def tls_says(data: bytes) -> Script:
    """Says bytes in place of a handshake."""

    def script(peer: Peer) -> None:
        peer.receive(65536)
        peer.send(data)
        peer.until_closed()

    return script


def tls_drips(peer: Peer) -> None:
    """Begins a record, and hands it out byte by byte."""
    peer.receive(65536)
    peer.send(b"\x16\x03\x03\x40\x00\x02")
    while not peer.released.wait(0.1):
        peer.send(b"\0")


def tls_leaves(peer: Peer) -> None:
    """Closes in the middle of the handshake."""
    peer.receive(65536)


TLS_RAW = {
    "tls-silence": Hostile(silent, "TLS_TIMEOUT"),
    "tls-garbage": Hostile(tls_says(b"220 mail.example ESMTP\r\n"), "TLS_FAILED"),
    "tls-alert": Hostile(tls_says(b"\x15\x03\x03\x00\x02\x02\x28"), "TLS_FAILED"),
    "tls-record-of-64-kib": Hostile(tls_says(b"\x16\x03\x03\xff\xff" + bytes(65535)), "TLS_FAILED"),
    "tls-empty-records": Hostile(tls_says(b"\x16\x03\x03\0\0" * 9999), "TLS_FAILED"),
    "tls-drips": Hostile(tls_drips, "TLS_TIMEOUT"),
    "tls-closes": Hostile(tls_leaves, "TLS_FAILED"),
}
"""In place of a handshake."""


def tls_cut(peer: Peer) -> None:
    """Closes in the content, without TLS's goodbye."""
    peer.request()
    peer.send(SIZED % 10 + b"12345")


def tls_broken(peer: Peer) -> None:
    """Sends a record that nobody who knows the key can have sent."""
    peer.request()
    peer.send(SIZED % 10 + b"12345")
    with socket.socket(fileno=os.dup(peer.stream.fileno())) as plain:
        plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    peer.until_closed()


TLS = {
    "endless-content-over-tls": Hostile(floods(HEAD + b"\r\n", PIECE), "BODY_TOO_LARGE"),
    "endless-head-over-tls": Hostile(floods(HEAD, b"X-Y: z\r\n" * 999), "HEAD_TOO_LARGE"),
    "content-drips-over-tls": Hostile(drips(SIZED % 10**6), "TOTAL_TIMEOUT"),
    "silence-over-tls": Hostile(silent, "FIRST_BYTE_TIMEOUT"),
    "cut-over-tls": Hostile(tls_cut, "CLOSED_EARLY"),
    "broken-record": Hostile(tls_broken, "TLS_FAILED"),
}
"""After one."""

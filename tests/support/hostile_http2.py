"""HTTP/2 that nobody should speak."""

from collections.abc import Callable

import hpack

from replayd.wire.http2_frames import FrameType
from tests.support.hostile import PIECE, Hostile, says, silent
from tests.support.http2_peer import STATUS_OK, Http2Session, frame, goaway
from tests.support.scripted_server import Peer, Script

Act = Callable[[Http2Session, Peer, int], None]

_END_HEADERS = 0x4


def asked(act: Act) -> Script:
    """Waits for a request, then misbehaves; listens on after that."""

    def script(peer: Peer) -> None:
        session = Http2Session(peer)
        stream_id = session.request()
        act(session, peer, stream_id)
        peer.until_closed()

    return script


def flood(*frames: bytes) -> Script:
    """Sends frames for as long as anybody listens."""

    def act(_: Http2Session, peer: Peer, __: int) -> None:
        while True:
            peer.send(b"".join(frames) * 100)

    return asked(act)


def by_hand(*frames: bytes) -> Script:
    """Sends these frames."""
    return asked(lambda _, peer, __: peer.send(b"".join(frames)))


def _head(*fields: tuple[bytes, bytes]) -> bytes:
    block = hpack.Encoder().encode(fields)
    return frame(FrameType.HEADERS, block, stream_id=1, flags=_END_HEADERS)


def endless_content(session: Http2Session, peer: Peer, stream_id: int) -> None:
    """Goes on as far as the client gives room."""
    session.h2.send_headers(stream_id, STATUS_OK)
    while not session.resets:
        while session.h2.local_flow_control_window(stream_id) >= 16384:
            session.h2.send_data(stream_id, PIECE[:16384])
        session.flush()
        session.read()


def continues(_: Http2Session, peer: Peer, stream_id: int) -> None:
    """Begins a head and never ends it."""
    peer.send(frame(FrameType.HEADERS, stream_id=stream_id))
    while True:
        peer.send(frame(FrameType.CONTINUATION, bytes(9999), stream_id=stream_id))


def drips(session: Http2Session, peer: Peer, stream_id: int) -> None:
    """A byte each tenth of a second."""
    session.h2.send_headers(stream_id, ((b":status", b"200"), (b"content-length", b"1000000")))
    session.flush()
    while not peer.released.wait(0.1):
        session.h2.send_data(stream_id, b"x")
        session.flush()


def stops(session: Http2Session, _: Peer, stream_id: int) -> None:
    """Says a part, then nothing."""
    session.h2.send_headers(stream_id, STATUS_OK)
    session.h2.send_data(stream_id, b"part")
    session.flush()


def leaves(session: Http2Session, peer: Peer, stream_id: int) -> None:
    """Says a part, then goodbye, and closes."""
    stops(session, peer, stream_id)
    peer.send(goaway(stream_id))
    raise ConnectionAbortedError


def resets(session: Http2Session, _: Peer, stream_id: int) -> None:
    """Resets the stream in its content."""
    session.h2.send_headers(stream_id, STATUS_OK)
    session.h2.reset_stream(stream_id, 2)
    session.flush()


_HEADERS = _head((b":status", b"200"))
_BOMB = hpack.Encoder().encode([(b":status", b"200"), (b"x", b"y" * 3000)]) + b"\xbe" * 9999
"""One field of 3 KB, said ten thousand times in a byte each."""

HTTP2 = {
    "http2-silence": Hostile(silent, "FIRST_BYTE_TIMEOUT"),
    "http2-garbage": Hostile(says(b"220 mail.example ESMTP ready\r\n"), "INVALID_RESPONSE"),
    "http1-instead": Hostile(says(b"HTTP/1.1 200 OK\r\n\r\n"), "VERSION_NOT_SPOKEN"),
    "http2-frame-of-16-mib": Hostile(by_hand(b"\xff\xff\xff\0\0\0\0\0\1"), "INVALID_RESPONSE"),
    "http2-content-without-head": Hostile(by_hand(frame(0, b"x", stream_id=1)), "INVALID_RESPONSE"),
    "http2-push": Hostile(by_hand(frame(5, bytes(4), stream_id=1, flags=4)), "INVALID_RESPONSE"),
    "http2-status-of-words": Hostile(by_hand(_head((b":status", b"yes"))), "INVALID_RESPONSE"),
    "http2-head-without-status": Hostile(by_hand(_head((b"a", b"b"))), "INVALID_RESPONSE"),
    "http2-line-end-in-field": Hostile(
        by_hand(_head((b":status", b"200"), (b"a", b"b\r\nc: d"))), "INVALID_RESPONSE"
    ),
    "http2-bad-compression": Hostile(
        by_hand(frame(1, b"\xff" * 9, stream_id=1, flags=4)), "INVALID_RESPONSE"
    ),
    "http2-field-bomb": Hostile(by_hand(frame(1, _BOMB, stream_id=1, flags=4)), "INVALID_RESPONSE"),
    "http2-window-too-far": Hostile(by_hand(frame(8, b"\x7f\xff\xff\xff")), "INVALID_RESPONSE"),
    "http2-ping-flood": Hostile(flood(frame(6, bytes(8))), "INVALID_RESPONSE"),
    "http2-settings-flood": Hostile(flood(frame(4)), "INVALID_RESPONSE"),
    "http2-empty-content-flood": Hostile(flood(frame(0, stream_id=1)), "INVALID_RESPONSE"),
    "http2-continuation-flood": Hostile(asked(continues), "HEAD_TOO_LARGE"),
    "http2-endless-content": Hostile(asked(endless_content), "BODY_TOO_LARGE"),
    "http2-content-drips": Hostile(asked(drips), "TOTAL_TIMEOUT"),
    "http2-content-stops": Hostile(asked(stops), "READ_TIMEOUT"),
    "http2-closes": Hostile(asked(leaves), "CLOSED_EARLY"),
    "http2-resets": Hostile(asked(resets), "STREAM_RESET"),
}

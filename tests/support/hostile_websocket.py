"""WebSocket servers that nobody should meet."""

import base64
import hashlib
import zlib

from tests.support.hostile import Hostile
from tests.support.scripted_server import Peer, Script

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FIN = 0x80


def accepting(*pieces: bytes, extra: bytes = b"", ends: bytes = b"") -> Script:
    """Accepts the handshake and says these bytes; then the last ones for as long as anybody
    listens.
    """

    def script(peer: Peer) -> None:
        head = peer.request()
        key = next(
            line.partition(b":")[2].strip()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n" + extra + b"\r\n"
        )
        peer.send(b"".join(pieces))
        while ends:
            peer.send(ends)
        peer.until_closed()

    return script


def frame(opcode: int, content: bytes = b"", *, first: int = _FIN) -> bytes:
    """An unmasked frame."""
    if len(content) < 126:
        return bytes((first | opcode, len(content))) + content
    if len(content) < 1 << 16:
        return bytes((first | opcode, 126)) + len(content).to_bytes(2) + content
    return bytes((first | opcode, 127)) + len(content).to_bytes(8) + content


def _deflated(size: int) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(bytes(size)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed.removesuffix(b"\0\0\xff\xff")


def wrong_key(peer: Peer) -> None:
    """Accepts somebody else's handshake."""
    peer.request()
    peer.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
    )
    peer.until_closed()


_BEGUN = frame(2, b"x", first=0)

WEBSOCKET = {
    "websocket-wrong-key": Hostile(wrong_key, "INVALID_RESPONSE"),
    "websocket-unasked-extension": Hostile(
        accepting(extra=b"Sec-WebSocket-Extensions: x-own\r\n"), "INVALID_RESPONSE"
    ),
    "websocket-silence": Hostile(accepting(), "READ_TIMEOUT"),
    "websocket-reserved-opcode": Hostile(accepting(frame(3, b"x")), "INVALID_RESPONSE"),
    "websocket-masked-frame": Hostile(accepting(b"\x82\x81\0\0\0\0x"), "INVALID_RESPONSE"),
    "websocket-long-ping": Hostile(accepting(frame(9, bytes(126))), "INVALID_RESPONSE"),
    "websocket-no-utf-8": Hostile(accepting(frame(1, b"\xff\xfe")), "INVALID_RESPONSE"),
    "websocket-out-of-turn": Hostile(accepting(frame(0, b"x")), "INVALID_RESPONSE"),
    "websocket-message-of-2-to-the-62": Hostile(
        accepting(b"\x82\x7f\x40" + bytes(7), ends=bytes(65536)), "BODY_TOO_LARGE"
    ),
    "websocket-endless-message": Hostile(
        accepting(_BEGUN, ends=frame(0, bytes(9999), first=0)), "BODY_TOO_LARGE"
    ),
    "websocket-endless-messages": Hostile(accepting(ends=frame(2, b"x") * 999), "BODY_TOO_LARGE"),
    "websocket-ping-flood": Hostile(accepting(ends=frame(9) * 999), "INVALID_RESPONSE"),
    "websocket-empty-frames": Hostile(
        accepting(_BEGUN, ends=frame(0, first=0) * 999), "INVALID_RESPONSE"
    ),
    "websocket-bomb": Hostile(
        accepting(
            frame(2, _deflated(8 << 20), first=_FIN | 0x40),
            extra=b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
        ),
        "BODY_TOO_LARGE",
    ),
}

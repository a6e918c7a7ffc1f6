"""What servers and proxies may say, made at random: well, oddly, or broken.

Each input is all that one of them sends, to its end: written by rules that are bent here and
there, then often changed as bytes.
"""

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable
from random import Random

import hpack

from tools.fuzz.octets import Octets

KEY = base64.b64encode(b"sixteen bytes...")
"""The Sec-WebSocket-Key that is answered."""

_ACCEPT = base64.b64encode(
    hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
)

_WORDS = (
    b"\r\n\r\n", b"\r\n", b"\n", b"\r", b"\n ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 ", b"HTTP/2 ",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\n\r\n", b"HTTP/1.1 101 Go\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"Connection: close\r\n", b"0\r\n\r\n", b"fffffffff\r\n", b"5\r\nhello\r\n", b";a=b", b": ",
    b"1\r\nx\r\n", b"X: y\r\n", b"\0", b"\x81\x05hello", b"\x88\x02\x03\xe8", b"\x05\x00",
)  # fmt: skip

_ODD_VERSIONS = (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2", b"http/1.1", b"ICY")
_STATUSES = (b"200", b"200", b"200", b"204", b"304", b"206", b"404", b"500", b"205")
_ODD_STATUSES = (b"099", b"20", b"1000", b"101", b"abc")
_FIELDS = (
    b"Server: x", b"Content-Type:text/html", b"X-Empty:", b"X: \t value \t ", b"X: \xff\xfe",
    b"Connection: close", b"Connection: keep-alive", b"Connection: x, CLOSE ,",
    b"Keep-Alive: timeout=5", b"WWW-Authenticate: NTLM", b"Trailer: X", b"X: " + b"y" * 700,
)  # fmt: skip
_ODD_FIELDS = (
    b"X: a\x01b", b"X Y: z", b"X : y", b": no name", b"no colon", b" folded", b"X: a\rb", b"X: \0",
)  # fmt: skip
_ODD_LENGTHS = (b"0%d", b"+%d", b"-%d", b"%d, %d", b"%d ", b"0x%d", b"1e%d", b"%d0", b"1")
_ODD_CODINGS = (b"Chunked", b"gzip, chunked", b"identity", b"chunked;x", b"")
_ODD_SIZES = (b"%X", b"000%x", b"%x;a=b", b"%x ", b" %x", b"-%x", b"0x%x", b"%x_", b"%x0")
_INTERIMS = (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: <x>\r\n\r\n")

_octets = Octets(_WORDS)


class Dice(Random):
    """What an input is thrown with."""

    odds = 0.0
    """Of each thing to be as it must not be."""


def _bent(rng: Dice, good: bytes, *bad: bytes) -> bytes:
    return rng.choice(bad) if rng.random() < rng.odds else good


def _numbered(rng: Dice, good: bytes, bad: tuple[bytes, ...], value: int) -> bytes:
    form = _bent(rng, good, *bad)
    return form % ((value,) * form.count(b"%"))


def _fields(rng: Dice, count: int) -> list[bytes]:
    return [_bent(rng, rng.choice(_FIELDS), *_ODD_FIELDS) for _ in range(count)]


def _content(rng: Dice) -> bytes:
    return bytes(rng.choices(b"ab\r\n0;\xff\0", k=rng.choice((0, 1, 5, 40, 300, 3000))))


def _end(rng: Dice) -> bytes:
    return _bent(rng, b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n")


def http1(rng: Dice) -> bytes:
    """A response of HTTP/1, after some interim ones."""
    content = _content(rng)
    version = _bent(rng, b"HTTP/1.1", *_ODD_VERSIONS)
    status = _bent(rng, rng.choice(_STATUSES), *_ODD_STATUSES)
    lines = [version + b" " + status + rng.choice((b" OK", b" ", b" Not \xe9"))]
    lines += _fields(rng, rng.choice((0, 1, 2, 3, 6) if rng.random() < 0.95 else (60, 70)))
    kind = rng.random()
    if kind < 0.5:
        lines.append(b"Content-Length: " + _numbered(rng, b"%d", _ODD_LENGTHS, len(content)))
    elif kind < 0.9:
        lines.append(b"Transfer-Encoding: " + _bent(rng, b"chunked", *_ODD_CODINGS))
        content = _chunks(rng, content)
        if rng.random() < rng.odds:
            lines.append(b"Content-Length: 5")
    head = b"".join(line + _end(rng) for line in lines) + _end(rng)
    interims = b"".join(rng.choices(_INTERIMS, k=rng.choice((0,) * 20 + (1, 2, 120))))
    stray = _bent(rng, b"", b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"0\r\n\r\n")
    return interims + head + content + stray


def _chunks(rng: Dice, content: bytes) -> bytes:
    made, at = b"", 0
    while at < len(content):
        piece = content[at : at + rng.choice((1, 3, 60, 1000))]
        at += len(piece)
        made += _numbered(rng, b"%x", _ODD_SIZES, len(piece)) + _end(rng) + piece + _end(rng)
    trailers = b"".join(
        rng.choices((b"X: y\r\n", b"bad\r\n", b" z\r\n"), k=rng.choice((0, 0, 1, 90)))
    )
    return made + _bent(rng, b"0", b"000", b"", b"0;x") + _end(rng) + trailers + _end(rng)


def _frame(kind: int, payload: bytes, flags: int, stream_id: int) -> bytes:
    size = struct.pack(">L", len(payload))[1:]
    return size + struct.pack(">BBL", kind & 0xFF, flags & 0xFF, stream_id & 0xFFFFFFFF) + payload


_HTTP2_FIELDS = (
    (b"server", b"x"), (b"content-type", b"text/html"), (b"x", b"\xff"), (b"x", b"y" * 700),
    (b"set-cookie", b"a=b"), (b"X-Up", b"y"), (b"connection", b"close"),
)  # fmt: skip
_ODD_HTTP2_FIELDS = (
    (b":status", b"204"), (b":status", b"x"), (b"content-length", b"5"), (b"content-length", b"-1"),
    (b"x", b"a\r\nb"), (b"", b"y"), (b"a:b", b"c"), (b"x", b"y" * 9000), (b":path", b"/"),
)  # fmt: skip


def http2(rng: Dice) -> bytes:
    """The frames of a server of HTTP/2; streams 1 and 3 were asked for."""
    encoder = hpack.Encoder()
    made = _frame(4, b"" if rng.random() < 0.8 else b"\0\3\0\0\0\x64", 0, 0)
    for stream_id in (1, 3):
        if rng.random() < 0.2:
            made += _head(rng, encoder, stream_id, b"103", 4)
        made += _odd_frames(rng, encoder)
        content = _content(rng)
        made += _head(rng, encoder, stream_id, b"200", 4 if content else 5)
        made += _odd_frames(rng, encoder)
        for at in range(0, len(content), 200):
            last = at + 200 >= len(content)
            made += _frame(0, content[at : at + 200], int(last), stream_id)
        made += _odd_frames(rng, encoder)
    return made


def _head(rng: Dice, encoder: hpack.Encoder, stream_id: int, status: bytes, flags: int) -> bytes:
    fields = [(b":status", status), *rng.choices(_HTTP2_FIELDS, k=rng.choice((0, 1, 3)))]
    if rng.random() < rng.odds:
        fields.insert(rng.randrange(len(fields) + 1), rng.choice(_ODD_HTTP2_FIELDS))
    block = encoder.encode(fields)
    if rng.random() < 0.1:
        begun = _frame(1, block[:3], flags & ~4, stream_id)
        return begun + _frame(9, block[3:], 4, stream_id)
    return _frame(1, block, flags, stream_id)


def _odd_frames(rng: Dice, encoder: hpack.Encoder) -> bytes:
    """Frames that may come at any time, and some that may not."""
    made = b""
    while rng.random() < 0.2:
        made += rng.choice(
            (_frame(6, bytes(8), 0, 0), _frame(8, b"\0\0\1\0", 0, 0), _frame(10, b"", 0, 1))
        )
    while rng.random() < rng.odds:
        stream_id = rng.choice((0, 1, 1, 2, 3, 5, 2**31 - 1))
        kind, flags = rng.choice((0, 1, 3, 4, 5, 6, 7, 8, 9)), rng.choice((0, 1, 4, 5, 0x0C, 0xFF))
        payload = rng.randbytes(rng.choice((0, 4, 4, 5, 6, 8, 8, 20)))
        made += _frame(kind, payload, flags, stream_id) * rng.choice((1,) * 30 + (1200,))
    return made


def websocket(rng: Dice) -> bytes:
    """An accepted handshake, and the frames behind it."""
    deflates = rng.random() < 0.4
    fields = [
        b"Upgrade: " + _bent(rng, b"websocket", b"WebSocket", b"h2c"),
        b"Connection: " + _bent(rng, b"Upgrade", b"close"),
        b"Sec-WebSocket-Accept: " + _bent(rng, _ACCEPT, b"", b"AAAA"),
    ]
    if deflates:
        parameters = rng.choice((b"", b"", b"; server_no_context_takeover", b"; x=1"))
        fields.append(b"Sec-WebSocket-Extensions: permessage-deflate" + parameters)
    head = b"HTTP/1.1 101 Go\r\n" + b"".join(field + _end(rng) for field in fields) + b"\r\n"
    return head + b"".join(_message(rng, deflates) for _ in range(rng.choice((0, 1, 3, 9))))


def _message(rng: Dice, deflates: bool) -> bytes:
    if rng.random() < 0.2:
        return rng.choice((b"\x89\0", b"\x8a\3abc", b"\x88\2\x03\xe8", b"\x88\0"))
    content = rng.choice((b"", b"hello", b"h\xc3\xa9", bytes(200), bytes(3000)))
    opcode = 1 | (rng.random() < 0.5)
    if deflates and rng.random() < 0.7:
        packer = zlib.compressobj(wbits=-15)
        content = packer.compress(content * rng.choice((1, 50))) + packer.flush(zlib.Z_SYNC_FLUSH)
        return _ws_frame(rng, 0xC0 | opcode, content[:-4])
    if rng.random() < 0.2:
        at = rng.randrange(len(content) + 1)
        return _ws_frame(rng, opcode, content[:at]) + _ws_frame(rng, 0x80, content[at:])
    return _ws_frame(rng, 0x80 | opcode, content)


def _ws_frame(rng: Dice, first: int, content: bytes) -> bytes:
    if rng.random() < rng.odds:
        first = rng.randrange(256)
    size = len(content)
    length = bytes((size,)) if size < 126 else b"\x7e" + struct.pack(">H", size)
    length = _bent(
        rng, length, b"\x7f" + struct.pack(">Q", size), b"\xfe\0\1", b"\x7f" + b"\xff" * 8
    )
    return (bytes((first,)) + length + content) * rng.choice((1,) * 40 + (300,))


def connect(rng: Dice) -> bytes:
    """A proxy's answer to CONNECT, and what may come behind it."""
    if rng.random() < 0.3:
        return http1(rng)
    status = rng.choice((b"200", b"200", b"204", b"407", b"403", b"502", b"101", b"100", b"999"))
    lines = [b"HTTP/1.1 " + status + b" Said", *_fields(rng, rng.choice((0, 0, 2)))]
    return (
        b"".join(line + _end(rng) for line in lines) + b"\r\n" + rng.randbytes(rng.choice((0, 9)))
    )


def socks5(rng: Dice) -> bytes:
    """A SOCKS5 proxy's answers, all of them."""
    method = rng.choice((0, 2)) if rng.random() > rng.odds else rng.randrange(256)
    made = bytes((_small(rng, 5), method))
    if method == 2:
        made += bytes((_small(rng, 1), _small(rng, 0)))
    kind = rng.choice((1, 1, 3, 4)) if rng.random() > rng.odds else rng.randrange(256)
    address = {1: rng.randbytes(4), 4: rng.randbytes(16)}.get(kind, bytes((3,)) + b"abc")
    made += bytes((_small(rng, 5), _small(rng, 0), 0, kind)) + address + rng.randbytes(2)
    return made + rng.randbytes(rng.choice((0, 0, 9)))


def _small(rng: Dice, good: int) -> int:
    return rng.randrange(16) if rng.random() < rng.odds else good


ANSWERS: dict[str, Callable[[Dice], bytes]] = {
    each.__name__: each for each in (http1, http2, websocket, connect, socks5)
}
"""By the name of what reads them."""


def make_answer(name: str, rng: Random) -> bytes:
    """Makes an input for this reader: as it is written, or its bytes changed."""
    dice = Dice(rng.getrandbits(64))
    dice.odds = dice.choice((0.0, 0.0, 0.02, 0.2))
    made = ANSWERS[name](dice)
    return _octets.changed(made, dice) if dice.random() < 0.4 else made

"""HTTP/1 responses of every kind, whole, bent and broken, from a seeded generator."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

METHODS = (b"GET", b"GET", b"GET", b"POST", b"HEAD", b"CONNECT")
STATUSES = (
    b"200",
    b"200",
    b"200",
    b"204",
    b"304",
    b"404",
    b"500",
    b"205",
    b"999",
    b"099",
    b"20",
    b"2000",
)
VERSIONS = (b"HTTP/1.1",) * 8 + (b"HTTP/1.0", b"HTTP/1.2", b"http/1.1", b"HTTP/2", b"ICY")
REASONS = (b" OK", b" OK", b" ", b"", b" Not \xe9 ok", b"  two", b" \t", b" a\x01b", b"\tOK")
FIELDS = (
    b"Server: x",
    b"Date: Mon, 23 Nov 2026 05:00:00 GMT",
    b"Set-Cookie: a=b; Path=/",
    b"Content-Type:text/html",
    b"X-Empty:",
    b"X-Space: \t value \t ",
    b"X-Byte: \xff\xfe",
    b"X-Control: a\x01b",
    b"X-Delete: \x7f",
    b"X-Nul: a\0b",
    b"X-Tab: a\tb",
    b"X Y: space in name",
    b"X-Colon : space before it",
    b": no name",
    b"no colon",
    b" folded",
    b"\tfolded",
    b"X-Return: a\rb",
    b"X-Form: a\x0cb",
    b"(X): delimiters",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: x, CLOSE ,",
    b"Connection: upgrade",
    b"Keep-Alive: timeout=5, max=9",
    b"Keep-Alive: timeout = 17",
    b"Keep-Alive: timeout=99999999",
    b"WWW-Authenticate: NTLM",
    b"Proxy-Authenticate: negotiate abc",
    b"WWW-Authenticate: Basic realm=x",
)
LENGTHS = (
    b"%d",
    b"%d",
    b"%d",
    b"0%d",
    b"+%d",
    b"%d, %d",
    b"-%d",
    b"%d ",
    b"0x%d",
    b"%d\xc2\xb2",
    b"1e%d",
)
CODINGS = (
    b"chunked",
    b"chunked",
    b"Chunked",
    b"gzip, chunked",
    b"identity",
    b"chunked;x=y",
    b"",
    b"\x0bchunked",
)
CHUNK_SIZES = (
    b"%x",
    b"%x",
    b"%x",
    b"%X",
    b"0%x",
    b"%x;a=b",
    b"%x ",
    b" %x",
    b"-%x",
    b"0x%x",
    b"%x_0",
)
LINE_ENDS = (b"\r\n",) * 12 + (b"\n", b"\r", b"\r\n\r\n", b"")
INTERIMS = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    b"HTTP/1.1 101 Switch\r\n\r\n",
)
STRAYS = (b"", b"", b"", b"", b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n", b"0\r\n\r\n")


@dataclass(frozen=True)
class Arriving:
    """A response to a request with this method, in the pieces in which it comes."""

    method: bytes
    pieces: tuple[bytes, ...]
    """The last may be empty: the server closes."""


def arriving(random: Random) -> Arriving:
    """Makes one; most are plain, many are bent, some are garbage."""
    data = _head(random) + random.choice(STRAYS)
    if random.random() < 0.1:
        data = random.choice(INTERIMS) + data
    if random.random() < 0.3:
        data = _spoilt(random, data)
    if random.random() < 0.15:
        data = data[: random.randrange(len(data) + 1)]
    pieces = tuple(_cut(random, data))
    if random.random() < 0.5:
        pieces += (b"",)
    return Arriving(random.choice(METHODS), pieces)


def _head(random: Random) -> bytes:
    bent = random.random() < 0.3
    end = random.choice(LINE_ENDS) if bent else b"\r\n"
    content = bytes(random.choices(b"ab\r\n0;\xff", k=random.choice((0, 1, 5, 40, 300))))
    lines = [
        random.choice(VERSIONS) + b" " + random.choice(STATUSES) + random.choice(REASONS)
        if bent
        else b"HTTP/1.1 " + random.choice(STATUSES[:7]) + b" OK"
    ]
    lines += random.choices(FIELDS if bent else FIELDS[:7] + FIELDS[20:], k=random.randrange(7))
    body = b""
    kind = random.random()
    if kind < 0.45:
        lines.append(
            b"Content-Length: " + _number(random, LENGTHS if bent else LENGTHS[:1], len(content))
        )
        body = content
    if kind > 0.4 and kind < 0.9:
        coding = random.choice(CODINGS) if bent else b"chunked"
        lines.append(b"Transfer-Encoding: " + coding)
        body = _chunked(random, content, bent=bent)
    elif kind >= 0.9:
        body = content
    start, fields = lines[0], lines[1:]
    random.shuffle(fields)
    return end.join([start, *fields]) + b"\r\n\r\n" + body


def _number(random: Random, formats: tuple[bytes, ...], value: int) -> bytes:
    form = random.choice(formats)
    return form % ((value,) * form.count(b"%"))


def _chunked(random: Random, content: bytes, *, bent: bool) -> bytes:
    sizes = CHUNK_SIZES if bent else CHUNK_SIZES[:4]
    out, at = b"", 0
    while at < len(content):
        piece = content[at : at + random.randrange(1, 60)]
        at += len(piece)
        out += _number(random, sizes, len(piece)) + b"\r\n" + piece
        out += random.choice(LINE_ENDS) if bent else b"\r\n"
    last = b"000" if random.random() < 0.1 else b"0"
    trailers = b"X-Sum: 1\r\n" if random.random() < 0.15 else b""
    return out + last + b"\r\n" + trailers + b"\r\n"


def _spoilt(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    kind = random.randrange(3)
    if kind == 0:
        return data[:at] + bytes([random.randrange(256)]) + data[at:]
    if kind == 1:
        return data[:at] + data[at + 1 :]
    return data[:at] + random.choice((b"\r\n", b"\n", b"\0", b" ", b":", b"\t")) + data[at + 1 :]


def _cut(random: Random, data: bytes) -> Iterator[bytes]:
    """Cuts anywhere, often right behind the head, as servers send."""
    kind = random.random()
    if kind < 0.3:
        yield from filter(None, (data,))
        return
    at = 0
    if kind < 0.7:
        at = data.find(b"\r\n\r\n") + 4
        yield from filter(None, (data[:at],))
    size = random.choice((1, 2, 3, 7, 50))
    for start in range(at, len(data), size):
        yield data[start : start + size]

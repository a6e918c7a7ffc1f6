"""Recorded exchanges without end, varied from a real capture: what large captures are made of.

Seeded: the same seed gives the same exchanges. The heads are those of a browser's and of
curl's requests (tests/data); paths, sessions and contents are made. Contents are mixed as
in real traffic: most are small, a few are of several MiB, one in eight is no text. Knows
no capture format.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from replayd.formats import read_capture
from replayd.model.flow import Flow, Headers

CAPTURES = Path(__file__).parents[1] / "tests/data/captures"
HOST = "shop.test"

SESSION_FLOWS = 20
"""Exchanges on one client connection."""

LARGEST = 6 << 20
"""Bytes that a content may have."""

_TEMPLATES = ("rec-chromium.mitm", "rec-basic.mitm")
_SIZES = ((0.002, 64 << 10, 300 << 10), (0.05, 2 << 10, 16 << 10), (1, 0, 1500))
"""Which share of contents has at least and at most how many bytes."""
_LARGE = (1 << 20, LARGEST)
_LARGE_REQUESTS, _LARGE_RESPONSES, _LARGE_EACH = 1999, 999, 4000
"""Which exchange of so many has a large content."""
_WITH_REQUEST_CONTENT = 0.3
_BINARY = 1 / 8
_POOL = 8 << 20
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"content-encoding", b"expect"})
_OWN = _FRAMING | {b"host", b"content-type", b"connection", b"proxy-connection"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its recorded response, over HTTP/1.1 to port 80 of HOST."""

    index: int
    session: int
    method: str
    path: str
    request_headers: Headers
    request_content: bytes
    status_code: int
    response_headers: Headers
    response_content: bytes
    text: bool
    """The response's content is ASCII text."""

    def request(self) -> bytes:
        """Returns the request as it was on the wire."""
        return _message(
            f"{self.method} {self.path} HTTP/1.1", self.request_headers, self.request_content
        )

    def response(self) -> bytes:
        """Returns the response as it was on the wire."""
        line = f"HTTP/1.1 {self.status_code} OK"
        return _message(line, self.response_headers, self.response_content)


def exchanges(seed: int, largest: int) -> Iterator[Exchange]:
    """Yields exchanges for as long as one asks; contents are cut at `largest` bytes."""
    chosen = random.Random(seed)
    templates, texts, octets = _templates(), _texts(chosen), chosen.randbytes(_POOL)
    for index in count():
        flow = chosen.choice(templates)
        assert flow.request is not None
        assert flow.response is not None
        large = index % _LARGE_EACH
        asks = large == _LARGE_REQUESTS or chosen.random() < _WITH_REQUEST_CONTENT
        text = chosen.random() >= _BINARY
        sent = _cut(chosen, texts, large == _LARGE_REQUESTS)[:largest] if asks else b""
        got = _cut(chosen, texts if text else octets, large == _LARGE_RESPONSES)[:largest]
        yield Exchange(
            index,
            index // SESSION_FLOWS,
            "POST" if asks else "GET",
            f"/{index}{flow.request.path.decode('latin-1')}",
            _headers(flow.request.headers, sent, b"application/json" if asks else b"", HOST),
            sent,
            flow.response.status_code,
            _headers(flow.response.headers, got, b"text/html" if text else b"image/webp"),
            got,
            text,
        )


def _templates() -> list[Flow]:
    """Reads the flows that are varied: complete exchanges over HTTP/1."""
    flows: list[Flow] = []
    for name in _TEMPLATES:
        with (CAPTURES / name).open("rb") as file:
            flows += [each for each in read_capture(file, format=None) if isinstance(each, Flow)]
    return [
        flow
        for flow in flows
        if flow.request and flow.response and flow.response.status_code in range(200, 600)
        if flow.response.status_code not in (204, 304) and len(flow.request.path) < 500
    ]


def _texts(chosen: random.Random) -> bytes:
    """Makes ASCII text of which no two cuts are alike, as compressible as pages are."""
    words = [f'"{chosen.randrange(10**6)}": "caf\\u00e9 & <b>co</b>",\r\n' for _ in range(999)]
    text = "".join(chosen.choices(words, k=_POOL // 28)).encode()
    return text.ljust(_POOL)


def _cut(chosen: random.Random, pool: bytes, large: bool) -> bytes:
    kind = chosen.random()
    sizes = _LARGE if large else next(sizes for share, *sizes in _SIZES if kind < share)
    size = chosen.randrange(*sizes)
    start = chosen.randrange(_POOL - size)
    return pool[start : start + size]


def _headers(template: Headers, content: bytes, kind: bytes, host: str = "") -> Headers:
    kept = [(name, value) for name, value in template if name.lower() not in _OWN]
    if host:
        kept.insert(0, (b"Host", host.encode()))
    if kind:
        kept.append((b"Content-Type", kind))
    if kind or not host:
        kept.append((b"Content-Length", b"%d" % len(content)))
    return tuple(kept)


def _message(start_line: str, headers: Headers, content: bytes) -> bytes:
    fields = b"".join(b"%b: %b\r\n" % field for field in headers)
    return b"%b\r\n%b\r\n%b" % (start_line.encode("latin-1"), fields, content)

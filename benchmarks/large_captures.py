"""Large captures of each format that is read, written as a stream from `exchanges`.

Each format's records are those of a real capture (tests/data) with the exchange's own
values put in, so that they are as large, and as odd, as those of real tools. Knows nothing
of what reads them.
"""

import base64
import gzip
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from benchmarks.exchanges import CAPTURES, HOST, LARGEST, Exchange, exchanges
from replayd.formats.goreplay.records import SEPARATOR
from replayd.formats.tnetstring import Records
from replayd.formats.tnetstring_parser import Parser
from replayd.formats.writers.tnetstring import tnetstring
from replayd.model.flow import Headers

_START = 1_700_000_000
"""Seconds since the epoch at which the first exchange began; the next ones a second later."""


class Written(NamedTuple):
    """What a capture holds."""

    flows: int
    size: int
    """Bytes, unpacked."""


def write_capture(
    name: str, path: Path, size: int, *, seed: int = 1, largest: int = LARGEST
) -> Written:
    """Writes a capture of this name (one of FORMATS) of at least `size` bytes, unpacked."""
    with path.open("wb") as file:
        return FORMATS[name](file, exchanges(seed, largest), size)


def _dump(out: BinaryIO, found: Iterator[Exchange], size: int) -> Written:
    state = _dump_template()

    def record(exchange: Exchange) -> bytes:
        _fill_state(state, exchange)
        return b"".join(tnetstring(state))

    return _records(out, found, size, record)


def _dump_template() -> Any:
    """Reads a flow's state from a dump: one over TLS, for its connections are the largest."""
    with (CAPTURES / "rec-https.mitm").open("rb") as file:
        return _plain(Parser().parse(next(iter(Records(file)))))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.decode(): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _fill_state(state: Any, exchange: Exchange) -> None:
    at = _START + exchange.index
    state["id"] = f"f10e0000-0000-4000-8000-{exchange.index:012}"
    state["client_conn"]["id"] = f"c0ffee00-0000-4000-8000-{exchange.session:012}"
    state["request"] |= {
        "method": exchange.method.encode(),
        "scheme": b"http",
        "host": HOST,
        "port": 80,
        "path": exchange.path.encode("latin-1"),
        "headers": _pairs(exchange.request_headers),
        "content": exchange.request_content,
        "timestamp_start": at + 0.25,
    }
    state["response"] |= {
        "status_code": exchange.status_code,
        "headers": _pairs(exchange.response_headers),
        "content": exchange.response_content,
        "timestamp_start": at + 0.5,
    }


def _pairs(headers: Headers) -> list[list[bytes]]:
    return [list(field) for field in headers]


def _har(out: BinaryIO, found: Iterator[Exchange], size: int) -> Written:
    with (CAPTURES / "har/rec-basic.har").open() as file:
        har = json.load(file)
    entry = har["log"]["entries"][0]
    har["log"]["entries"] = []
    head, mark, tail = json.dumps(har).encode().partition(b'"entries": [')
    between = b""

    def record(exchange: Exchange) -> bytes:
        nonlocal between
        encoded = between + json.dumps(entry | _entry(entry, exchange)).encode()
        between = b",\n"
        return encoded

    out.write(head + mark)
    written = _records(out, found, size, record)
    out.write(tail)
    return written


def _entry(template: Any, exchange: Exchange) -> dict[str, Any]:
    content: dict[str, Any] = {"size": len(exchange.response_content), "mimeType": "text/html"}
    if exchange.text:
        content["text"] = exchange.response_content.decode()
    else:
        content["text"] = base64.b64encode(exchange.response_content).decode()
        content |= {"encoding": "base64", "mimeType": "image/webp"}
    request = template["request"] | {
        "method": exchange.method,
        "url": f"http://{HOST}{exchange.path}",
        "headers": _named(exchange.request_headers),
    }
    if exchange.method == "POST":
        text = exchange.request_content.decode()
        request["postData"] = {"mimeType": "application/json", "text": text}
    response = template["response"] | {
        "status": exchange.status_code,
        "headers": _named(exchange.response_headers),
        "content": content,
    }
    return {"connection": str(exchange.session), "request": request, "response": response}


def _named(headers: Headers) -> list[dict[str, str]]:
    return [
        {"name": name.decode("latin-1"), "value": value.decode("latin-1")}
        for name, value in headers
    ]


def _gor(out: BinaryIO, found: Iterator[Exchange], size: int) -> Written:
    def record(exchange: Exchange) -> bytes:
        # An address, then a number: so GoReplay writes ids, and so sessions are told.
        number = b"%016x%08x" % (exchange.session, exchange.index)
        at = (_START + exchange.index) * 10**9
        asked = b"1 %b %d 0\n%b%b" % (number, at, exchange.request(), SEPARATOR)
        return asked + b"2 %b %d 900\n%b%b" % (number, at, exchange.response(), SEPARATOR)

    return _records(out, found, size, record)


def _packed_gor(out: BinaryIO, found: Iterator[Exchange], size: int) -> Written:
    with gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as packed:
        return _gor(cast(BinaryIO, packed), found, size)


def _burp(out: BinaryIO, found: Iterator[Exchange], size: int) -> Written:
    text = (CAPTURES / "burp/prologWebScanner-burp.xml").read_bytes()
    head, _, _ = text.partition(b"<item>")

    def record(exchange: Exchange) -> bytes:
        return (
            "<item>\n"
            "    <time>Sun Mar 31 19:58:09 CDT 2019</time>\n"
            f"    <url><![CDATA[http://{HOST}{exchange.path}]]></url>\n"
            f'    <host ip="192.168.56.101">{HOST}</host>\n'
            "    <port>80</port>\n    <protocol>http</protocol>\n"
            f"    <method><![CDATA[{exchange.method}]]></method>\n"
            f"    <path><![CDATA[{exchange.path}]]></path>\n    <extension>null</extension>\n"
            f'    <request base64="true"><![CDATA[{_base64(exchange.request())}]]></request>\n'
            f"    <status>{exchange.status_code}</status>\n"
            f"    <responselength>{len(exchange.response())}</responselength>\n"
            "    <mimetype>HTML</mimetype>\n"
            f'    <response base64="true"><![CDATA[{_base64(exchange.response())}]]></response>\n'
            "    <comment></comment>\n  </item>\n  "
        ).encode()

    out.write(head)
    written = _records(out, found, size, record)
    out.write(b"</items>\n")
    return written


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _saz(out: BinaryIO, found: Iterator[Exchange], size: int) -> Written:
    with zipfile.ZipFile(CAPTURES / "saz/saz2jmx-part1.saz") as archive:
        details = archive.read("raw/02_m.xml")
    flows = written = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        while written < size:
            exchange = next(found)
            flows += 1
            # Fiddler writes whole URLs, for it is a proxy.
            asked = exchange.request().replace(b" /", b" http://%b/" % HOST.encode(), 1)
            port = details.replace(b'"53000"', b'"%d"' % (1024 + exchange.session % 60000))
            for letter, data in (("c.txt", asked), ("m.xml", port), ("s.txt", exchange.response())):
                archive.writestr(f"raw/{flows:06}_{letter}", data)
                written += len(data)
    return Written(flows, written)


def _records(
    out: BinaryIO, found: Iterator[Exchange], size: int, record: Callable[[Exchange], bytes]
) -> Written:
    """Writes records until they have this size together."""
    flows = written = 0
    while written < size:
        written += out.write(record(next(found)))
        flows += 1
    return Written(flows, written)


FORMATS: dict[str, Callable[[BinaryIO, Iterator[Exchange], int], Written]] = {
    "mitm": _dump,
    "har": _har,
    "gor": _gor,
    "gor.gz": _packed_gor,
    "xml": _burp,
    "saz": _saz,
}
"""By how such a file's name ends."""

"""Burp's exports: a real one beside a witness, items as text, damaged and hostile ones."""

import base64

import pytest
from hypothesis import given, settings

from replayd.errors import CaptureError
from replayd.formats import Format, read_capture
from replayd.model.flow import DamagedFlow, Flow, FlowKind
from replayd.reasons import Reason
from tests.support.captures import FOLDER, Dribble
from tests.support.raw_captures import check_damage, compare, damaged, read, read_one, witness

REAL = "prologWebScanner-burp.xml"
DATA = (FOLDER / "burp" / REAL).read_bytes()

POST = b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\na\r\nb\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def item(request: bytes | None = POST, response: bytes | None = OK, **fields: str) -> str:
    """An item in base64; `fields` change what it says beside."""
    said = {
        "time": "Sun Mar 31 19:58:09 CDT 2019",
        "host": '<host ip="192.0.2.1">b.test</host>',
        "port": "8443",
        "protocol": "https",
        "comment": "",
        **fields,
    }
    host = said.pop("host")
    parts = [f"<{name}>{value}</{name}>" for name, value in said.items()]
    for name, octets in (("request", request), ("response", response)):
        if octets is not None:
            coded = base64.b64encode(octets).decode()
            parts.append(f'<{name} base64="true"><![CDATA[{coded}]]></{name}>')
    return f"<item>{host}{''.join(parts)}</item>"


def export(*items: str) -> bytes:
    inside = "\n".join(items)
    return f'<?xml version="1.0"?><items burpVersion="2024.1">{inside}</items>'.encode()


def test_a_real_export_reads_as_the_witness_saw_it() -> None:
    flows = read(DATA, Format.BURP)
    for flow, seen in zip(flows, witness("burp", REAL), strict=True):
        assert isinstance(flow, Flow)
        assert flow.request is not None
        line = b" ".join((flow.request.method, flow.request.path, flow.request.http_version))
        assert line.decode() == seen["request"]["start_line"]
        assert (flow.request.host, str(flow.request.port)) == (seen["host"], seen["port"])
        compare(flow.request, seen["request"])
        assert (flow.response is None) == ("response" not in seen)
        if flow.response is not None:
            compare(flow.response, seen["response"])
    assert list(read_capture(Dribble(DATA, 1000), format=None)) == flows


def test_an_item_says_where_it_was_sent() -> None:
    flow, notes = read_one(export(item(comment="look here")), Format.BURP)
    assert notes == []
    assert flow.request is not None
    assert flow.response is not None
    request = flow.request
    assert (request.scheme, request.host, request.port) == (b"https", "b.test", 8443)
    assert (request.content, request.start_time) == (b"a\r\nb\r\n", 1554080289)
    assert request.headers[0] == (b"Host", b"a.test")
    assert (flow.comment, flow.kind, flow.response.content) == ("look here", FlowKind.HTTP, b"ok")


@pytest.mark.parametrize(
    ("given", "scheme", "host", "port"),
    [
        (item(port="70000x"), b"https", "b.test", 0),
        (item(protocol="ftp"), b"ftp", "b.test", 8443),
        (item(host=""), b"http", "a.test", 80),
    ],
)
def test_a_place_that_is_none_is_left_to_be_refused(
    given: str, scheme: bytes, host: str, port: int
) -> None:
    flow, _ = read_one(export(given), Format.BURP)
    assert flow.request is not None
    assert (flow.request.scheme, flow.request.host, flow.request.port) == (scheme, host, port)


def test_text_gets_its_line_ends_back() -> None:
    text = POST.decode().replace("\r\n", "\n")
    flow, notes = read_one(
        export(f"<item><request><![CDATA[{text}]]></request></item>"), Format.BURP
    )
    assert notes == []
    assert flow.request is not None
    assert flow.request.content == b"a\r\nb\r\n"
    as_it_stands = text.replace("Content-Length: 6", "Content-Length: 4")
    flow, _ = read_one(export(f"<item><request>{as_it_stands}</request></item>"), Format.BURP)
    assert flow.request is not None
    assert flow.request.content == b"a\nb\n"


def test_text_that_lost_bytes_is_missing_content() -> None:
    text = "POST / HTTP/1.1\nContent-Length: 9\n\né€"
    flow, [note] = read_one(export(f"<item><request>{text}</request></item>"), Format.BURP)
    assert flow.request is not None
    assert flow.request.content is None
    assert "is cut: the item ends after 5 bytes" in note


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("<item/>", "the request can't be read: the empty line"),
        (item(None), "the request can't be read: the empty line"),
        (item(b"nonsense\r\n\r\n"), "the request can't be read: it begins with"),
        ('<item><request base64="true">?</request></item>', "the request is no base64"),
        (item(time="today"), "the time 'today' can't be read, and was ignored"),
        (item(POST + b"GET"), "3 bytes follow where its fields say that the request ends"),
        (item(POST, b"?"), "the recorded response was left out"),
    ],
)
def test_what_is_odd_is_noted(given: str, said: str) -> None:
    flow, notes = read_one(export(given), Format.BURP)
    assert notes[0].startswith(said)
    assert (flow.request is None) == said.startswith("the request")


def test_an_http2_item_is_one() -> None:
    flow, notes = read_one(export(item(b"POST / HTTP/2\r\nHost: a\r\n\r\nbody")), Format.BURP)
    assert flow.request is not None
    assert (flow.request.http_version, flow.request.content) == (b"HTTP/2.0", b"body")
    assert notes == []


def test_a_torn_export_is_refused_and_salvaged() -> None:
    data = export(item(), item())
    torn = data[:-20]
    with pytest.raises(CaptureError) as caught:
        read(torn, Format.BURP)
    assert caught.value.reason is Reason.DAMAGED_CAPTURE
    assert caught.value.flow_index == 1
    first, last = read(torn, Format.BURP, salvage=True)
    assert isinstance(first, Flow)
    assert isinstance(last, DamagedFlow)
    with pytest.raises(CaptureError, match="the document must be items, not html"):
        read(b"<html/>", Format.BURP)


PIECES = export(item(), item(GET := b"GET / HTTP/1.1\r\n\r\n", None, time="x"), item(None))


@settings(max_examples=300, deadline=None)
@given(damaged(PIECES, b"</item>", b"<item>", b"]]>", b"<!--", b"&"))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    check_damage(data, Format.BURP)

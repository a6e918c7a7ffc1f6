"""HAR files: real ones beside what mitmproxy imports from them, damaged and hostile ones."""

import base64
import hashlib
import io
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format, read_capture
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, FlowKind, Headers, Request, Response
from replayd.reasons import Reason
from tests.support.captures import Dribble
from tests.support.hars import HARS, entry, har, read, witness
from tests.support.raw_captures import damaged

READABLE = [name for name in HARS if witness(name)["flows"]]

VERSIONS = {
    "h2": b"HTTP/2.0",
    "http/2.0": b"HTTP/2.0",
    "HTTP/2.0": b"HTTP/2.0",
    "HTTP/2": b"HTTP/2.0",
    "h3": b"HTTP/3",
    "HTTP/3": b"HTTP/3",
    "HTTP/1.0": b"HTTP/1.0",
}
"""mitmproxy knows HTTP/2 and HTTP/3 in one spelling each; all else is HTTP/1.1 there."""

LEFT_OUT = {("rec-playwright-pw.har", 6), ("rec-playwright-pw.har", 7)}
"""Contents that Playwright did not keep, as Content-Length shows; mitmproxy sends none."""

RESPONSES_OF_ANOTHER_CHARSET = {("rec-playwright-pw.har", 7)}
"""Playwright counts the size of the UTF-8 that it decoded; mitmproxy guesses Latin-1."""


def entries_of(name: str) -> list[dict[str, Any]]:
    log = json.loads(HARS[name].read_bytes().decode("utf-8-sig"))["log"]
    listed: list[dict[str, Any]] = log["entries"]
    return listed


@pytest.mark.parametrize("name", READABLE)
def test_a_real_har_reads_as_the_witness_saw_it_or_better(name: str) -> None:
    flows, _ = read(HARS[name].read_bytes())
    entries = entries_of(name)
    assert len(flows) == len(entries)
    for seen in witness(name)["flows"]:
        at = seen["index"]
        flow, given = flows[at], entries[at]
        assert flow.request is not None
        compare_request(flow.request, seen["request"], given["request"], (name, at))
        if given["response"]["status"] == 0:
            # Nothing was answered: mitmproxy makes a response of it all the same.
            assert flow.response is None
            assert flow.error is not None
            continue
        assert flow.response is not None
        compare_response(flow.response, seen["response"], given["response"], (name, at))


def compare_request(
    found: Request, seen: dict[str, Any], given: dict[str, Any], place: tuple[str, int]
) -> None:
    assert found.method.decode() == seen["method"]
    assert (found.host, found.port) == (seen["host"], seen["port"])
    assert found.path.decode("latin-1") == seen["path"]
    # A WebSocket's URL has a scheme that is no HTTP; such flows are told by their kind.
    assert found.scheme.decode() == seen["scheme"].replace("ws", "http")
    # Pseudo header fields are no fields, but tell a version that the tool did not know.
    pseudo = any(name.startswith(":") for name, _ in seen["headers"])
    assert found.http_version == VERSIONS.get(
        given["httpVersion"], b"HTTP/2.0" if pseudo else b"HTTP/1.1"
    )
    compare_fields(found, seen["headers"], given["headers"])
    assert body(found.content) == (None if place in LEFT_OUT else seen["body"])
    assert found.start_time == pytest.approx(seen["times"][0], abs=1e-6)


def compare_fields(found: Request, seen: list[list[str]], given: Any) -> None:
    fields = [field for field in latin(seen) if not field[0].startswith(b":")]
    names = [name.lower() for name, _ in fields]
    if b"host" not in names and found.http_version == b"HTTP/1.1":
        assert found.headers[0][0] == b"Host"
        fields.insert(0, found.headers[0])
    length = b"content-length"
    assert without(found.headers, length) == without(tuple(fields), length)
    # mitmproxy makes Content-Length fit, and gives it to requests that had none.
    assert lengths(found.headers) == lengths(given_fields(given))


def compare_response(
    found: Response, seen: dict[str, Any], given: dict[str, Any], place: tuple[str, int]
) -> None:
    assert found.status_code == seen["status"]
    # As recorded: mitmproxy puts the usual phrase in its place.
    assert found.reason_phrase.decode() == given["statusText"]
    assert found.http_version == VERSIONS.get(given["httpVersion"], b"HTTP/1.1")
    # Where there is no content, Content-Encoding says what it would be; mitmproxy drops it.
    differing = (b"content-length",) if found.content else (b"content-length", b"content-encoding")
    assert without(found.headers, *differing) == without(latin(seen["headers"]), *differing)
    assert lengths(found.headers) == lengths(given_fields(given["headers"]))
    if not given["content"].get("text") and 0 not in sizes(given):
        # A size without text was left out, and is not empty.
        assert found.content is None
    elif place not in RESPONSES_OF_ANOTHER_CHARSET:
        assert body(found.content) == seen["body"]
    assert found.end_time == pytest.approx(seen["times"][1], abs=1e-3)


def sizes(given: dict[str, Any]) -> tuple[int, int]:
    """What is said of a response's size: of the content's, else of what was on the wire."""
    size = given["content"].get("size", -1)
    return size, given["bodySize"] if size < 0 else size


def latin(fields: list[list[str]]) -> Headers:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields)


def given_fields(given: Any) -> Headers:
    return tuple((each["name"].encode(), each["value"].encode()) for each in given)


def without(headers: Headers, *names: bytes) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in names)


def lengths(headers: Headers) -> list[bytes]:
    return [value for name, value in headers if name.lower() == b"content-length"]


def body(content: bytes | None) -> list[Any] | None:
    return None if content is None else [len(content), hashlib.sha256(content).hexdigest()]


BEYOND_MITMPROXY = {
    "har2locust-reqres.in.har": 2,
    "k6-entry.har": 1,
    "k6-full.har": 8,
    "k6-multipart-formdata.har": 5,
    "k6-pseudo-headers.har": 1,
    "k6-url-full.har": 5,
    "m2s-form_data_har.har": 1,
    "mitmproxy-compressed.zhar": 2,
    "mut-har-http-versions.har": 4,
    "mut-har-null-response.har": 3,
    "mut-har-odd-headers.har": 2,
    "mut-har-postdata-params-only.har": 1,
    "polly-posts.har": 1,
    "polly-puppeteer.har": 2,
    "rec-errors.har": 12,
    "rec-odd.har": 30,
    "rec-sse.har": 6,
    "zap-response-base64.har": 1,
}
"""HARs that mitmproxy refuses as a whole, or can't replay, and how many requests are read."""


@pytest.mark.parametrize(("name", "count"), BEYOND_MITMPROXY.items())
def test_what_mitmproxy_refuses_is_read(name: str, count: int) -> None:
    flows, _ = read(HARS[name].read_bytes())
    assert sum(flow.request is not None for flow in flows) == len(flows) == count


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("harviewer-issue-23_chrome51.har", {1, 2}),
        ("harviewer-issue-23_ff47.har", {1, 2}),
        ("haralyzer-missing_pageref.har", {0, 1}),
    ],
)
def test_a_bad_entry_costs_only_itself(name: str, bad: set[int]) -> None:
    flows, notes = read(HARS[name].read_bytes())
    assert {at for at, flow in enumerate(flows) if flow.request is None} == bad
    assert {note.flow_index for note in notes} == bad
    assert all("the entry's request can't be read: 'url' is " in note.message for note in notes)


def test_odd_bytes_are_kept() -> None:
    flows, _ = read(HARS["rec-odd.har"].read_bytes())
    odd = flows[1].request
    folded = flows[21].request
    assert odd is not None
    assert folded is not None
    assert (b"X-Latin1", b"caf\xe9 \xfc") in odd.headers
    assert (b"X-Fold", b"one\r\n two\r\n three") in folded.headers


def test_entries_of_one_connection_are_one_session() -> None:
    flows, _ = read(
        har(entry(connection="12"), entry(connection=12), entry(), entry(connection=""))
    )
    assert [flow.session_id for flow in flows] == ["12", "12", "file", "file"]


def test_a_websocket_is_told_however_it_is_written() -> None:
    counts = {
        "rec-ws.har": (4, 6),
        "mitmproxy-websocket.har": (3, 3),
        "rec-playwright-pw.har": (1, 21),
    }
    for name, expected in counts.items():
        kinds = [flow.kind for flow in read(HARS[name].read_bytes())[0]]
        assert (kinds.count(FlowKind.WEBSOCKET), len(kinds)) == expected, name


@pytest.mark.parametrize(
    "name", ["rec-h2.har", "mitmproxy-with-bom.har", "mitmproxy-compressed.zhar"]
)
def test_pieces_do_not_matter(name: str) -> None:
    data = HARS[name].read_bytes()
    assert list(read_capture(Dribble(data), format=None)) == list(
        read_capture(io.BytesIO(data), format=None)
    )


def error_of(data: bytes) -> CaptureError:
    with pytest.raises(CaptureError) as caught:
        read(data)
    assert caught.value.reason is Reason.DAMAGED_CAPTURE
    return caught.value


@pytest.mark.parametrize(
    ("name", "byte_offset", "flow_index"),
    [
        ("mut-har-truncated.har", 4408, 3),
        ("harviewer-not-json.har", 110, 0),
        ("mitmproxy-brokenfile.har", 8, 0),
        ("mitmproxy-har_extractor.har", 0, 0),
        ("haralyzer-single_entry.har", 0, 0),
    ],
)
def test_a_damaged_har_is_refused_with_its_place(
    name: str, byte_offset: int, flow_index: int
) -> None:
    error = error_of(HARS[name].read_bytes())
    assert (error.byte_offset, error.flow_index) == (byte_offset, flow_index)


def salvaged(data: bytes) -> list[bytes | int]:
    """The paths of a HAR's requests, and where damage begins."""
    found = read_capture(io.BytesIO(data), format=Format.HAR, salvage=True)
    flows = [each for each in found if not isinstance(each, CaptureNote)]
    return [
        each.byte_offset if isinstance(each, DamagedFlow) else each.request.path
        for each in flows
        if isinstance(each, DamagedFlow) or each.request
    ]


def test_salvage_takes_what_stands_before_the_tear() -> None:
    *paths, torn = salvaged(HARS["mut-har-truncated.har"].read_bytes())
    plain = b"/plain/300?a=1&b=two%20words&c=%E2%82%AC&a=2&empty=&novalue"
    assert (paths, torn) == ([b"/json", plain, b"/echo"], 4408)
    assert salvaged(HARS["haralyzer-single_entry.har"].read_bytes()) == [0]


def test_salvage_steps_over_an_entry_that_is_no_json_inside() -> None:
    whole = har(entry(), entry(), entry())
    at = whole.index(b'"method"', whole.index(b'"method"') + 1)
    data = whole[:at] + b"x" + whole[at:]
    assert salvaged(data) == [b"/x?y=1", at, b"/x?y=1"]
    assert error_of(data).flow_index == 1


def test_the_place_in_an_entry_counts_bytes_not_characters() -> None:
    whole = '{"log": {"entries": [{"a": "ü€\udcff"}, {"b": "€" nope}]}}'.encode(
        "utf-8", "surrogateescape"
    )
    error = error_of(whole)
    assert (error.byte_offset, error.flow_index) == (whole.index(b"nope"), 1)


@pytest.mark.parametrize(
    "bad",
    [b"5", b"null", b'"x"', b"[]", b"{}", b'{"request": 5}', b'{"request": {"url": 5}}',
     b'{"a": 1, "a": 2}', b'{"n": ' + b"9" * 5000 + b"}", b'{"request": {"url": "http://\\ud800/"}}'],
    ids=range(10),
)  # fmt: skip
def test_an_entry_that_is_none_keeps_its_index(bad: bytes) -> None:
    good = json.dumps(entry()).encode()
    flows, notes = read(b'{"log": {"entries": [%b, %b, %b]}}' % (good, bad, good))
    assert [flow.request is None for flow in flows] == [False, True, False]
    assert [note.flow_index for note in notes] == [1]


def test_a_name_twice_in_an_object_means_nothing() -> None:
    twice = har(entry()).replace(b'"method": "GET"', b'"method": "GET", "method": "PUT"')
    [flow], [note] = read(twice)
    assert flow.request is None
    assert note.message == "the entry can't be read: an object has 'method' twice"


@pytest.mark.parametrize(
    "hostile",
    [b"[" * 1_000_000, b'{"a":' * 100_000, b'{"x": "' + b"x" * 1000, b"nul", b"9" * 2000, b"{]",
     b'{"a" 1}', b'{"a": 01}', b'{"a": "\n"}', b'{"a": 1,}', b"\xff\xfe", b'{"\xff": tru}'],
    ids=range(12),
)  # fmt: skip
def test_hostile_json_ends_with_its_place(hostile: bytes) -> None:
    begin = b'{"log": {"entries": ['
    error = error_of(begin + hostile)
    assert len(begin) <= error.byte_offset <= len(begin + hostile)


def test_numbers_that_are_none_cost_only_themselves() -> None:
    odd = har(entry(time=float("nan"), timings={"send": float("inf"), "wait": 1e999}))
    [flow], notes = read(odd)
    assert notes == []
    assert flow.response is not None
    assert flow.response.end_time is None


def test_only_capture_errors_wherever_a_har_is_cut() -> None:
    data = HARS["mut-har-odd-headers.har"].read_bytes().rstrip()
    for size in range(len(data)):
        error = error_of(data[:size])
        assert error.byte_offset <= size


PIECES = HARS["mut-har-http-versions.har"].read_bytes() + b" "


@settings(max_examples=300, deadline=None)
@given(damaged(PIECES, b"null", b'"', b"\\", b"]", b"}", b"{", b"[", b"1e999", b'"\\ud800"'))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    found: list[Flow | CaptureNote] = []
    reason = None
    try:
        found = list(read_capture(Dribble(data, 1000), format=Format.HAR))
    except ReplaydError as error:
        reason = error.reason
    assert reason in (None, Reason.DAMAGED_CAPTURE)
    for each in found:
        message = each.message if isinstance(each, CaptureNote) else each.comment + each.session_id
        message.encode()  # It goes into messages that take nothing but whole characters.


class Endless:
    """A HAR of so many entries, made while it is read."""

    def __init__(self, entries: int) -> None:
        text = json.dumps(entry({"bodySize": 0}, {"content": {
            "size": 48_000, "encoding": "base64", "text": base64.b64encode(bytes(48_000)).decode()
        }})).encode()  # fmt: skip
        self.size = entries * len(text)
        self._pieces: Iterator[bytes] = itertools.chain(
            [b'{"log": {"pages": [', b", ".join([text] * 20), b'], "entries": [', text],
            itertools.repeat(b", " + text, entries - 1),
            [b"]}}"],
        )

    def read(self, _size: int, /) -> bytes:
        return next(self._pieces, b"")


def test_a_large_har_is_read_in_little_memory() -> None:
    stream = Endless(1000)
    assert stream.size > 60 << 20
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_capture(stream, format=None))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1000
    assert peak < 4 << 20

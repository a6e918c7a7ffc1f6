"""Messages of GoReplay's records."""

import pytest

from replayd.model.flow import Flow, FlowKind, Request
from tests.support.gor import GET, NOW, OK, post, read, record


def flow_of(payload: bytes, answer: bytes = b"", **meta: str) -> tuple[Flow, list[str]]:
    data = record(payload, **meta) + (record(answer, 2) if answer else b"")  # type: ignore[arg-type]
    [flow], notes = read(data)
    return flow, [note.message for note in notes]


def request_of(payload: bytes) -> Request:
    flow, notes = flow_of(payload)
    assert notes == []
    assert flow.request is not None
    return flow.request


def test_a_request_is_as_it_was_captured() -> None:
    request = request_of(b"GeT /a?b#c HTTP/1.0\r\nhOST: b.test:81\r\nX: caf\xe9 \r\nx:\r\n\r\n")
    assert (request.method, request.path, request.http_version) == (b"GeT", b"/a?b#c", b"HTTP/1.0")
    assert request.headers == ((b"hOST", b"b.test:81"), (b"X", b"caf\xe9 "), (b"x", b""))
    assert (request.scheme, request.host, request.port) == (b"http", "b.test", 81)
    assert (request.content, request.start_time) == (b"", NOW / 1e9)


@pytest.mark.parametrize(
    ("line", "fields", "host", "port", "authority", "path"),
    [
        (b"GET /x", b"Host: [::1]:81\r\n", "::1", 81, b"", b"/x"),
        (b"GET http://b.test/x?y", b"Host: a.test\r\n", "b.test", 80, b"b.test", b"/x?y"),
        (b"GET HTTPS://me@b.test", b"", "b.test", 443, b"me@b.test", b""),
        (b"CONNECT b.test:443", b"Host: a.test\r\n", "b.test", 443, b"b.test:443", b""),
        (b"OPTIONS *", b"Host: a.test\r\nHost: b.test\r\n", "a.test", 80, b"", b"*"),
        (b"GET /x", b"", "", 80, b"", b"/x"),
        (b"GET /x", b"Host: caf\xe9\r\n", "caf\ufffd", 80, b"", b"/x"),
    ],
)
def test_where_it_goes_is_told_by_the_request(
    line: bytes, fields: bytes, host: str, port: int, authority: bytes, path: bytes
) -> None:
    request = request_of(line + b" HTTP/1.1\r\n" + fields + b"\r\n")
    assert (request.host, request.port) == (host, port)
    assert (request.authority, request.path) == (authority, path)


def test_chunks_are_joined_and_trailers_kept() -> None:
    request = request_of(
        post(b"1\r\na\r\n2;x\r\nbc\r\n0\r\nT: u\r\n\r\n", b"Transfer-Encoding: chunked")
    )
    assert (request.content, request.trailers) == (b"abc", ((b"T", b"u"),))
    assert (b"Transfer-Encoding", b"chunked") in request.headers


def test_a_content_that_is_not_in_its_chunks_is_taken_as_it_is() -> None:
    flow, [note] = flow_of(post(b'{"a": 1}\r\n', b"Transfer-Encoding: chunked"))
    assert flow.request is not None
    assert flow.request.content == b'{"a": 1}\r\n'
    assert "is not in chunks" in note


@pytest.mark.parametrize("fields", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
def test_a_content_that_is_cut_is_missing(fields: bytes) -> None:
    flow, [note] = flow_of(post(b"5\r\nab", fields))
    assert flow.request is not None
    assert flow.request.content is None
    assert note == "the request's content is cut: the record ends after 5 bytes of it"


def test_line_feeds_alone_are_noted() -> None:
    flow, notes = flow_of(b"GET / HTTP/1.1\nHost: a.test\n\n")
    assert flow.request is not None
    assert notes == ["lines of the head that ended with LF alone are sent with CR LF"]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n"],
)
def test_what_is_no_request_is_a_flow_without_one(payload: bytes) -> None:
    flow, [note] = flow_of(payload)
    assert (flow.request, flow.flow_id) == (None, "a1")
    assert note.startswith("the request can't be read: ")


def test_pipelined_requests_are_flows_of_their_own() -> None:
    second = post(b"ab", b"Content-Length: 2")
    answers = OK + b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    flows, notes = read(record(GET + second + b"\r\n" + GET) + record(answers, 2))
    assert notes == []
    assert [flow.request and flow.request.method for flow in flows] == [b"GET", b"POST", b"GET"]
    assert [flow.response and flow.response.status_code for flow in flows] == [200, 404, None]
    assert {flow.flow_id for flow in flows} == {"a1"}


def test_what_follows_a_request_and_is_none_is_noted() -> None:
    flow, notes = flow_of(GET + b"garbage")
    assert flow.request is not None
    assert notes == ["7 bytes after the request's end were left out"]


@pytest.mark.parametrize(
    ("record_id", "session"),
    [
        ("9c401f907f00000112345678", "9c401f907f000001"),
        ("9C401F907F00000112345678", "file"),
        ("d4846d762acd2286a63f062e347fea4fed17a78c", "file"),
        ("a1", "file"),
    ],
)
def test_the_session_is_the_address_in_an_id(record_id: str, session: str) -> None:
    assert flow_of(GET, record_id=record_id)[0].session_id == session


def test_a_response_is_added() -> None:
    flow, notes = flow_of(
        GET, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + OK
    )
    assert notes == []
    assert flow.response is not None
    assert (flow.response.status_code, flow.response.content) == (200, b"ok")
    assert flow.response.headers == ((b"Content-Length", b"2"),)
    assert flow.response.start_time == NOW / 1e9


def test_a_response_to_head_has_no_content() -> None:
    flow, notes = flow_of(GET.replace(b"GET", b"HEAD"), OK.removesuffix(b"ok"))
    assert notes == []
    assert flow.response is not None
    assert flow.response.content == b""


def test_a_response_that_is_cut_is_noted() -> None:
    flow, [note] = flow_of(GET, OK[:-1])
    assert flow.response is not None
    assert flow.response.content is None
    assert note == "the recorded response's content is cut: the record ends after 1 bytes of it"


@pytest.mark.parametrize("answer", [b"x", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_response_that_is_none_is_left_out(answer: bytes) -> None:
    flow, [note] = flow_of(GET, answer)
    assert flow.request is not None
    assert flow.response is None
    assert note.startswith("the recorded response was left out: ")


def test_a_websocket_is_told() -> None:
    asked = GET.removesuffix(b"\r\n") + b"Upgrade: websocket\r\n\r\n"
    assert flow_of(asked, b"HTTP/1.1 101 Go\r\n\r\n\x81\x00")[0].kind is FlowKind.WEBSOCKET
    assert flow_of(asked, OK)[0].kind is FlowKind.HTTP

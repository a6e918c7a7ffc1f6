"""Entries of HARs: versions, hosts, answers, times."""

from typing import Any

import pytest

from replayd.model.flow import FlowError, FlowKind
from tests.support.hars import entry, read_entry, request_of, response_of

START = 1795392378.5


@pytest.mark.parametrize(
    ("said", "version"),
    [("HTTP/1.1", b"HTTP/1.1"), ("http/1.1", b"HTTP/1.1"), ("HTTP/1.0", b"HTTP/1.0"),
     ("h2", b"HTTP/2.0"), ("HTTP/2", b"HTTP/2.0"), ("http/2.0", b"HTTP/2.0"), ("h2c", b"HTTP/2.0"),
     ("https/2.0", b"HTTP/2.0"), ("spdy/3.1", b"HTTP/2.0"), ("h3", b"HTTP/3"),
     ("HTTP/3", b"HTTP/3"), ("http/3.0", b"HTTP/3"), ("quic/43", b"HTTP/3"),
     ("http/2+quic/46", b"HTTP/3"),
     ("unknown", b"HTTP/1.1"), ("", b"HTTP/1.1"), (None, b"HTTP/1.1"), (5, b"HTTP/1.1"),
     ("HTTP/9.9", b"HTTP/1.1"), ("data", b"HTTP/1.1")],
)  # fmt: skip
def test_every_spelling_of_a_version_is_known(said: Any, version: bytes) -> None:
    assert request_of(entry({"httpVersion": said}, {"httpVersion": said})).http_version == version
    assert response_of(entry(response={"httpVersion": said})).http_version == version


def test_a_version_that_only_the_response_knows_is_the_requests() -> None:
    assert request_of(entry({"httpVersion": "unknown"}, {"httpVersion": "h2"})).http_version == (
        b"HTTP/2.0"
    )


PSEUDO = [[":authority", "b.test"], [":method", "GET"], [":path", "/"], ["accept", "*/*"]]


@pytest.mark.parametrize("version", ["h2", "h3", "unknown"])
def test_pseudo_fields_are_no_fields(version: str) -> None:
    given = entry({"httpVersion": version, "headers": PSEUDO}, {"httpVersion": version})
    request = request_of(given)
    assert request.http_version in (b"HTTP/2.0", b"HTTP/3")
    assert request.authority == b"b.test"
    assert request.headers == ((b"accept", b"*/*"),)


@pytest.mark.parametrize(
    ("version", "headers", "authority"),
    [
        ("h2", [], b"a.test:81"),
        ("h3", [["accept", "*/*"]], b"a.test:81"),
        ("h2", PSEUDO, b"b.test"),
        ("h2", [["Host", "c.test"]], b""),
        ("HTTP/1.1", [], b""),
        ("HTTP/1.0", [], b""),
    ],
)
def test_http2_names_its_authority(version: str, headers: Any, authority: bytes) -> None:
    given = {"httpVersion": version, "headers": headers, "url": "http://a.test:81/"}
    assert request_of(entry(given)).authority == authority


@pytest.mark.parametrize(
    ("version", "headers", "expected"),
    [
        # As recorded, whatever the URL says.
        (
            "HTTP/1.1",
            [["A", "b"], ["hOST", "other.test"]],
            [(b"A", b"b"), (b"hOST", b"other.test")],
        ),
        # What HTTP/1.1 can't do without, where the tool does not show it.
        ("HTTP/1.1", [["A", "b"]], [(b"Host", b"a.test:81"), (b"A", b"b")]),
        ("", [], [(b"Host", b"a.test:81")]),
        ("HTTP/1.1", PSEUDO, [(b"Host", b"b.test"), (b"accept", b"*/*")]),
        ("HTTP/1.1", [*PSEUDO, ["Host", "c.test"]], [(b"accept", b"*/*"), (b"Host", b"c.test")]),
        # HTTP/1.0 can do without, and HTTP/2 has another place for it.
        ("HTTP/1.0", [["A", "b"]], [(b"A", b"b")]),
        ("h2", [["a", "b"]], [(b"a", b"b")]),
        ("h2", [["host", "other.test"]], [(b"host", b"other.test")]),
    ],
)
def test_host_is_as_recorded_or_the_urls(version: str, headers: Any, expected: Any) -> None:
    given = entry({"url": "http://a.test:81/", "httpVersion": version, "headers": headers})
    given["response"]["httpVersion"] = version
    assert list(request_of(given).headers) == expected


def test_a_bodiless_request_gets_no_content_length() -> None:
    request = request_of(entry({"method": "POST"}))
    assert (request.content, request.headers) == (b"", ((b"Host", b"a.test"),))


def test_a_fragment_and_blanks_are_mended_and_noted() -> None:
    flow, notes = read_entry(entry({"url": "http://a.test/a b?c d#e"}))
    assert flow.request is not None
    assert flow.request.path == b"/a%20b?c%20d"
    assert notes == [
        "the URL's fragment '#e' is never sent",
        "blanks in the URL, which none can have, are sent as %20",
    ]


def test_connect_goes_to_its_authority() -> None:
    request = request_of(entry({"method": "CONNECT", "url": "https://b.test:8443"}))
    assert (request.authority, request.path, request.scheme) == (b"b.test:8443", b"", b"http")
    assert (request.host, request.port) == ("b.test", 8443)


def test_connect_opened_a_tunnel_and_is_no_http() -> None:
    flow, _ = read_entry(entry({"method": "CONNECT", "url": "https://b.test:8443"}))
    assert flow.kind is FlowKind.TCP


@pytest.mark.parametrize(
    ("version", "expected"),
    [("HTTP/1.1", ((b"Host", b"xn--mnchen-3ya.test:81"),)), ("h2", ())],
)
def test_a_made_host_is_what_a_client_sends(version: str, expected: Any) -> None:
    given = entry({"url": "http://m\u00fcnchen.test:81/", "httpVersion": version, "headers": []})
    request = request_of(given)
    assert request.headers == expected
    assert request.authority == (b"" if expected else b"xn--mnchen-3ya.test:81")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"status": 0, "statusText": "", "_error": "net::ERR_ABORTED"}, "net::ERR_ABORTED"),
        ({"status": 0, "statusText": "blocked"}, "blocked"),
        ({"status": 0, "statusText": ""}, "there was no response"),
        ({"status": 0, "statusText": None, "_failureText": "gone \ud800"}, "gone ?"),
    ],
)
def test_what_was_not_answered_has_an_error(response: dict[str, Any], message: str) -> None:
    flow, notes = read_entry(entry(response=response))
    assert (flow.response, notes) == (None, [])
    assert flow.error == FlowError(message, START + 0.03)
    assert flow.request is not None


def test_an_error_may_stand_beside_a_response() -> None:
    flow, _ = read_entry(entry(response={"_error": "cut"}))
    assert flow.response is not None
    assert flow.error is not None


@pytest.mark.parametrize("response", [None, {}, {"status": -1}, {"status": None}])
def test_no_response_is_none_and_no_error(response: Any) -> None:
    flow, notes = read_entry({**entry(), "response": response})
    assert (flow.response, flow.error, notes) == (None, None, [])


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"status": 1000}, "'status' is 1000"),
        ({"headers": 5}, "'headers' must be a list"),
        ({"statusText": []}, "'statusText' must be text"),
        ({"content": "x"}, "'content' must be an object"),
    ],
)
def test_a_response_that_is_none_costs_only_itself(response: dict[str, Any], said: str) -> None:
    flow, notes = read_entry(entry(response=response))
    assert flow.request is not None
    assert flow.response is None
    assert notes == [f"the recorded response was left out: {said}"]


@pytest.mark.parametrize(
    ("request_members", "said"),
    [
        ({"url": None}, "'url' is missing"),
        ({"url": "/relative"}, "no URL with a scheme"),
        ({"method": ""}, "'method' is missing"),
        ({"headers": "x"}, "'headers' must be a list"),
        ({"postData": []}, "'postData' must be an object"),
    ],
)
def test_without_a_request_there_is_a_flow_all_the_same(
    request_members: dict[str, Any], said: str
) -> None:
    flow, [note] = read_entry(entry(request_members))
    assert (flow.request, flow.kind) == (None, FlowKind.HTTP)
    assert "the entry's request can't be read: " in note
    assert said in note


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, (START, None, None, START + 0.03)),
        ({"timings": {"blocked": 1, "dns": -1, "connect": 2, "ssl": 1, "send": 3, "wait": 4,
                      "receive": 5}}, (START, START + 0.006, START + 0.01, START + 0.03)),
        ({"time": None, "timings": {"send": 3, "wait": 4, "receive": 5}},
         (START, START + 0.003, START + 0.007, START + 0.012)),
        ({"startedDateTime": None}, (None, None, None, None)),
        ({"time": -1}, (START, None, None, None)),
        ({"time": "fast"}, (START, None, None, None)),
    ],
)  # fmt: skip
def test_times_are_told_from_the_timings(members: dict[str, Any], expected: Any) -> None:
    flow, notes = read_entry({**entry(), **members})
    request, response = flow.request, flow.response
    assert notes == []
    assert request is not None
    assert response is not None
    found = (request.start_time, request.end_time, response.start_time, response.end_time)
    for time, wanted in zip(found, expected, strict=True):
        assert time == (None if wanted is None else pytest.approx(wanted, abs=1e-6))


def test_an_odd_time_is_noted() -> None:
    flow, notes = read_entry({**entry(), "startedDateTime": "soon"})
    assert notes == ["'startedDateTime' is 'soon', not a time, which was ignored"]
    assert flow.request is not None
    assert flow.request.start_time is None


@pytest.mark.parametrize(
    "given",
    [
        entry({"url": "wss://a.test/"}),
        entry(_webSocketMessages=[]),
        entry({"headers": [["Upgrade", "WebSocket"]]}, {"status": 101}),
    ],
)
def test_a_websocket_is_told(given: dict[str, Any]) -> None:
    assert read_entry(given)[0].kind is FlowKind.WEBSOCKET


def test_a_comment_is_kept() -> None:
    assert read_entry(entry(comment="hey \ud800"))[0].comment == "hey ?"

import pytest
from flowreplay.v1.flow_pb2 import Flow
from flowreplay_client import request_flow


def fields(flow: Flow) -> list[tuple[bytes, bytes]]:
    return [(header.name, header.value) for header in flow.request.headers]


def test_host_and_length_are_added() -> None:
    flow = request_flow("POST", "http://a.example:81/p?q#f", [("X", "\xe9")], b"12")
    request = flow.request
    assert (request.method, request.scheme, request.host) == (b"POST", b"http", "a.example")
    assert (request.port, request.path, request.content) == (81, b"/p?q", b"12")
    assert fields(flow) == [
        (b"Host", b"a.example:81"),
        (b"X", b"\xe9"),
        (b"Content-Length", b"2"),
    ]


def test_fields_that_are_there_stay_alone() -> None:
    headers = [(b"host", b"b"), ("Transfer-Encoding", "chunked")]
    flow = request_flow("POST", "https://a.example", headers, b"12", session_id="s", flow_id="f")
    assert fields(flow) == [(b"host", b"b"), (b"Transfer-Encoding", b"chunked")]
    assert (flow.session_id, flow.flow_id, flow.request.port) == ("s", "f", 0)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h", b"/"),
        ("http://h?q", b"/?q"),
        ("http://h/a?", b"/a?"),
        ("http://h/a;b//c/../d%20", b"/a;b//c/../d%20"),
        ("http://u:p@h/x", b"/x"),
        ("http://h#f?q", b"/"),
    ],
)
def test_the_path_stays_as_it_was_written(url: str, path: bytes) -> None:
    flow = request_flow("GET", url)
    assert flow.request.path == path
    assert fields(flow) == [(b"Host", b"h")]


def test_an_ipv6_host_has_brackets_in_its_field_only() -> None:
    flow = request_flow("GET", "http://[::1]:8080/")
    assert flow.request.host == "::1"
    assert fields(flow) == [(b"Host", b"[::1]:8080")]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h/p",
        "ftp://h/",
        "http:///p",
        "http://h:99999/",
        "http://h/\xe9",
        "http://h/ ",
        "http://[h",
    ],
)
def test_what_is_no_url_is_said(url: str) -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        request_flow("GET", url)

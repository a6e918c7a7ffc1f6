import pytest

from replayd.model.flow import Flow, Request
from tests.tools.fidelity.requests import HOST, captured, coding, length, lines
from tools.fidelity.captured import Captured


def test_its_own_bytes_are_those_of_the_capture() -> None:
    odd = captured((b"hOST", b""), (b"X", b"1\r\n folded"), (b"X", b"\xff"), length(b"2"))
    expected = lines(b"hOST: ", b"X: 1\r\n folded", b"X: \xff", b"Content-Length: 2") + b"hi"
    assert captured(*odd.fields, content=b"hi").own_bytes() == expected


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/2", b"HTTP/3", b"h2"])
def test_http2_has_no_bytes_of_its_own(version: bytes) -> None:
    assert captured(HOST, version=version).own_bytes() is None


def test_chunks_that_were_not_kept_can_be_known_only_of_no_content() -> None:
    assert captured(coding(b"gzip, Chunked"), content=b"x").own_bytes() is None
    empty = captured(coding(b"chunked"), trailers=((b"T", b"1"),)).own_bytes()
    assert empty == lines(b"Transfer-Encoding: chunked") + b"0\r\nT: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({}, b"/x"),
        ({"authority": b"b.test:81"}, b"http://b.test:81/x"),
        ({"method": b"CONNECT", "authority": b"b.test:443"}, b"b.test:443"),
        ({"method": b"CONNECT", "host": "::1", "port": 443}, b"[::1]:443"),
        ({"authority": b"b.test", "version": b"HTTP/2.0"}, b"/x"),
    ],
)
def test_targets_keep_their_form(changes: dict[str, object], target: bytes) -> None:
    assert captured(HOST, **changes).target == target


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"scheme": "http"}, None),
        ({"scheme": "https"}, "a.test"),
        ({"scheme": "https", "host": "127.0.0.1"}, None),
        ({"scheme": "https", "host": "127.0.0.1", "server_name": "b.test"}, "b.test"),
        ({"scheme": "https", "host": "a.test."}, "a.test"),
    ],
)
def test_the_recorded_name_is_expected_else_the_host(
    changes: dict[str, object], name: str | None
) -> None:
    assert captured(**changes).expected_server_name == name


def test_it_is_made_of_a_flow() -> None:
    request = Request(b"GET", b"https", "a.test", 443, b"/", headers=(HOST,), content=b"")
    made = Captured.of(Flow(request=request, server_name="b.test"))
    assert made.own_bytes() == lines(b"Host: a.test", start=b"GET / HTTP/1.1")
    assert made.expected_server_name == "b.test"

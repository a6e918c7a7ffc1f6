"""A request as it is written, to the one that an editor sends."""

import pytest

from replayd.formats.http1_messages import MessageError
from replayd.formats.http_requests import written as module
from replayd.formats.http_requests.written import (
    MAX_FILLED,
    Variables,
    WrittenError,
    written_request,
)
from replayd.model.flow import Request
from tests.support.work import limited_time

SCHEME = "no scheme is said: it is sent with http"


def written(text: str | bytes) -> tuple[Request, list[str]]:
    notes: list[str] = []
    data = text.encode() if isinstance(text, str) else text
    return written_request(data, Variables(), notes), notes


def variables(**values: bytes) -> Variables:
    known = Variables()
    for name, value in values.items():
        known.define(name.encode(), value)
    return known


@pytest.mark.parametrize(
    ("line", "request_line", "place", "noted"),
    [
        ("http://h/x", (b"GET", b"/x", b"HTTP/1.1"), ("h", 80), []),
        ("PUT https://h:9?q HTTP/1.0", (b"PUT", b"/?q", b"HTTP/1.0"), ("h", 9), []),
        ("GET https://h/a b HTTP/2", (b"GET", b"/a%20b", b"HTTP/2.0"), ("h", 443),
         ["blanks in the URL, which none can have, are sent as %20"]),
        ("GET http://u:p@h/x#y", (b"GET", b"/x", b"HTTP/1.1"), ("h", 80),
         ["user and password in the URL are left out", "the URL's fragment b'#y' is never sent"]),
        ("GET h.test/x", (b"GET", b"/x", b"HTTP/1.1"), ("h.test", 80), [SCHEME]),
        ("OPTIONS *\nHost: h", (b"OPTIONS", b"*", b"HTTP/1.1"), ("h", 80), [SCHEME]),
        ("OPTIONS http://h", (b"OPTIONS", b"/", b"HTTP/1.1"), ("h", 80), []),
    ],
)  # fmt: skip
def test_a_first_line(
    line: str, request_line: tuple[bytes, ...], place: tuple[str, int], noted: list[str]
) -> None:
    request, notes = written(line)
    assert (request.method, request.path, request.http_version) == request_line
    assert (request.host, request.port, notes) == (*place, noted)


def test_a_host_is_made_only_where_there_is_none() -> None:
    assert written("GET http://h:81/\nA: b ")[0].headers == ((b"Host", b"h:81"), (b"A", b"b"))
    assert written("GET http://h/\nhost: x")[0].headers == ((b"host", b"x"),)


def test_a_made_host_is_in_ascii() -> None:
    request, _ = written("GET http://m\u00fcnchen.test:81/")
    assert request.headers == ((b"Host", b"xn--mnchen-3ya.test:81"),)


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("Basic u p", b"Basic dTpw"),
        ("basic  u  p q", b"Basic dTpwIHE="),
        ("Basic u:p", b"Basic dTpw"),
        ("Basic u:", b"Basic dTo="),
        ("Basic dTpw", b"Basic dTpw"),
        ("Bearer a b", b"Bearer a b"),
        ('Digest username="u", realm="r"', b'Digest username="u", realm="r"'),
    ],
)
def test_editors_encode_the_user(said: str, sent: bytes) -> None:
    request, notes = written(f"GET http://h/\nAuthorization: {said}")
    assert request.headers[1:] == ((b"Authorization", sent),)
    assert notes == []


def test_a_password_for_digest_is_not_sent() -> None:
    request, [note] = written("GET http://h/\nAuthorization: Digest u p")
    assert request.headers == ((b"Host", b"h"),)
    assert "Authorization is left out" in note


@pytest.mark.parametrize("text", ["GRAPHQL http://h/", "POST http://h/\nX-REQUEST-TYPE: GraphQL"])
def test_a_graphql_query_is_not_sent_as_it_is_written(text: str) -> None:
    with pytest.raises(WrittenError, match="editors make JSON"):
        written(f"{text}\n\nquery {{ a }}")


POST = "POST http://h/\n"


@pytest.mark.parametrize(
    ("rest", "content"),
    [
        ("\na\nb\n\n\n", b"a\nb"),
        ("Content-Length: 4\n\na\nb\n\n", b"a\nb\n"),
        ("Content-Length: 4\n\nlonger than that\n", b"longer than that"),
        ("Content-Length: 40\n\nshorter\n", b"shorter"),
        ("Transfer-Encoding: chunked\n\n2\nhi\n0\n\n", b"hi"),
        ("Transfer-Encoding: chunked\n\nplain\n", b"plain"),
        ("Content-Type: multipart/form-data; boundary=B\n\n--B\n\nx\r\n--B--\n",
         b"--B\r\n\r\nx\r\n--B--"),
        ("Content-Type: application/x-www-form-urlencoded\n\na=1\n&b=2\n", b"a=1&b=2"),
        ("Content-Type: application/x-www-form-urlencoded\n\na=1&\nb=2\nc", b"a=1&b=2\nc"),
        ("\n# no comment here\n", b"# no comment here"),
        ("", b""),
    ],
)  # fmt: skip
def test_a_content(rest: str, content: bytes) -> None:
    request, notes = written(POST + rest)
    assert (request.content, notes) == (content, [])


@pytest.mark.parametrize(
    "after", ["> {% client.log(1) %}", "> ./check.js", "<> 2020.200.json", ">> out"]
)
def test_what_comes_after_the_response_is_left_out(after: str) -> None:
    request, notes = written(f"{POST}\nbody\n> quoted\n\n{after}\n")
    assert request.content == b"body\n> quoted"
    assert notes == ["what the file does with the response is left out"]


@pytest.mark.parametrize("line", ["< ./body.json", "<@ body.json", "<@utf8 body.json"])
def test_content_in_a_file_is_missing(line: str) -> None:
    request, [note] = written(f"{POST}\n{line}\n")
    assert request.content is None
    assert "in another file" in note


def test_markup_is_no_file() -> None:
    assert written(f"{POST}\n<a>\n<b/></a>")[0].content == b"<a>\n<b/></a>"


@pytest.mark.parametrize("text", ["GET ws://h/", "GET ftp://h", "GET http://", " \n"])
def test_what_is_no_http_request_is_refused(text: str) -> None:
    with pytest.raises(WrittenError):
        written(text)
    with pytest.raises(MessageError):
        written("GET http://h\nno field")


def test_values_are_bounded() -> None:
    assert variables(a=b"1").fill(b"{{a}}-{{ a }}{b}") == b"1-1{b}"
    with pytest.raises(WrittenError, match="stand for more than"):
        variables(a=bytes(MAX_FILLED // 10)).fill(b"{{a}}" * 20)
    with pytest.raises(WrittenError, match="'b' has no value"):
        variables().fill(b"{{b}}")


def test_what_a_file_is_filled_with_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILLED_IN_ALL", 100)
    known = variables(a=b"x" * 40)
    assert known.fill(b"{{a}}") == known.fill(b"{{ a }}") == b"x" * 40
    known.define(b"b", b"{{a}}")
    with pytest.raises(WrittenError, match="no value"):
        known.fill(b"{{b}}")
    with pytest.raises(WrittenError, match="more than 20 bytes"):
        known.fill(b"{{a}}")


def test_many_blanks_take_no_more_time_than_other_bytes() -> None:
    blanks = " " * 300_000
    with limited_time(5):
        request, _ = written(f"GET http://h/a{blanks}b\n\n{{{{{blanks}\n")
        assert request.path == b"/a" + b"%20" * len(blanks) + b"b"


def test_a_query_on_many_lines() -> None:
    with limited_time(5):
        request, _ = written("GET http://h/\n" + " ?a\n" * 300_000)
        assert len(request.path) == 1 + 600_000

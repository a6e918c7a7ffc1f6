"""Files of requests: many written for an editor, or one from the wire; damaged ones."""

import io
from typing import Any

import pytest
from hypothesis import given, settings

from replayd.formats import Format, read_capture
from replayd.formats.http1_flows import ReadRequest, read_request
from replayd.formats.http_requests import begins_requests, reader
from replayd.model.flow import CaptureNote, DamagedFlow, Flow
from tests.support.raw_captures import check_damage, damaged, read, read_one
from tests.support.work import limited_time

FILE = """\ufeff# Shop
@host = https://shop.test
@key=k-1

### List
GET {{host}}/items
    ?page=2
    &size=5 HTTP/1.1
Accept: application/json
# a comment
X-Key: {{ key }}

###
# @name add
POST {{host}}/items
Content-Type: application/json

{
  "name": "ü"
}


### @name gone
DELETE /items/7
Host: other.test:8080
"""

WIRE = b"POST /x HTTP/1.1\r\nhost: a.test\r\nContent-Length: 9\r\n\r\na\n### b\r\n"
SCHEME = "no scheme is said: it is sent with http"


def requests(data: bytes) -> list[str | None]:
    flows = read(data, Format.HTTP)
    return [
        f"{each.request.method.decode()} {each.request.path.decode()}" if each.request else None
        for each in flows
        if isinstance(each, Flow)
    ]


def test_a_file_of_an_editor() -> None:
    flows = read(FILE.encode(), Format.HTTP)
    assert [each.comment for each in flows if isinstance(each, Flow)] == ["List", "add", "gone"]
    first, second, third = (each.request for each in flows if isinstance(each, Flow))
    assert first is not None
    assert (first.method, first.scheme, first.host, first.port, first.path, first.authority) == (
        b"GET", b"https", "shop.test", 443, b"/items?page=2&size=5", b"",
    )  # fmt: skip
    assert first.headers == (
        (b"Host", b"shop.test"),
        (b"Accept", b"application/json"),
        (b"X-Key", b"k-1"),
    )
    assert second is not None
    assert second.content == '{\n  "name": "ü"\n}'.encode()
    assert third is not None
    assert (third.scheme, third.host, third.port, third.content) == (
        b"http", "other.test", 8080, b"",
    )  # fmt: skip


def test_line_ends_of_windows_make_no_difference() -> None:
    windows = FILE.replace("\n", "\r\n").encode()
    (first, *_), (same, *_) = read(windows, Format.HTTP), read(FILE.encode(), Format.HTTP)
    assert first == same
    assert requests(windows) == requests(FILE.encode())


def test_a_request_from_the_wire_is_kept_byte_for_byte() -> None:
    flow, notes = read_one(WIRE, Format.HTTP)
    assert flow.request is not None
    assert flow.request.headers == ((b"host", b"a.test"), (b"Content-Length", b"9"))
    assert flow.request.content == b"a\n### b\r\n"
    assert (flow.request.host, flow.request.scheme, notes) == ("a.test", b"http", [SCHEME])
    chunked = b"PUT /y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    assert requests(WIRE + chunked + WIRE) == ["POST /x", "PUT /y", "POST /x"]
    assert requests(WIRE + b"\r\n### next\r\nGET http://b.test/z\n") == ["POST /x", "GET /z"]


def test_what_is_odd_on_the_wire_is_noted() -> None:
    cut, notes = read_one(WIRE.replace(b"###", b"---")[:-3], Format.HTTP)
    assert cut.request is not None
    assert cut.request.content is None
    assert "is cut: the file ends" in notes[0]
    _, notes = read_one(WIRE + b"left over", Format.HTTP)
    assert notes == [SCHEME, "9 bytes after the request's end were left out"]
    section = WIRE.replace(b"9", b"99") + b"### c\nGET http://h/3\n"
    first, *_ = read(section, Format.HTTP)
    assert isinstance(first, Flow)
    assert first.request is not None
    assert first.request.content == b"a"
    assert requests(section)[-1] == "GET /3"


def test_what_is_no_request_costs_only_itself() -> None:
    data = b"### a\nGET http://h/1\nno field\n### b\nGET {{nope}}\n### c\nGET http://h/3"
    found = list(read_capture(io.BytesIO(data), format=None))
    notes = [(each.flow_index, each.message) for each in found if isinstance(each, CaptureNote)]
    assert [index for index, _ in notes] == [0, 1]
    assert notes[0][1] == "the request can't be read: the line b'no field' is no field"
    assert notes[1][1].endswith("the variable 'nope' has no value in the file")
    assert requests(data) == [None, None, "GET /3"]


def test_variables_are_filled_in_where_they_are_known() -> None:
    data = b"@a = h.test\n@b = {{a}}/x\n@c = {{d}}\n@d = 1\nGET http://{{b}}\n"
    assert requests(data) == ["GET /x"]
    assert requests(data + b"###\nGET http://{{c}}") == ["GET /x", None]


@pytest.mark.parametrize(
    "script",
    [b"< {%\n  set('a', 'GET /');\n\n# no\n%}\n", b"< {% f(); %}\n", b"< ./before.js\n"],
)
def test_what_is_run_before_a_request_is_left_out(script: bytes) -> None:
    data = b"### a\n" + script + b"GET http://h/1\n###\nGET http://h/2\n"
    flow, notes = read_one(data.partition(b"###\n")[0], Format.HTTP)
    assert flow.request is not None
    assert flow.request.path == b"/1"
    assert notes == [
        "what the file does before the request is left out, with the variables that it sets"
    ]
    assert flow.comment == "a"
    assert requests(data) == ["GET /1", "GET /2"]


def test_a_script_without_an_end_is_a_line() -> None:
    assert requests(b"### a\n< {% f();\nGET http://h/1\n") == ["GET /1"]


def test_a_file_without_requests_has_no_flows() -> None:
    assert requests(b"# nothing\n@a = b\n###\n") == requests(b"") == []


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"GET / HTTP/1.1\r\n", True),
        (b"\xef\xbb\xbf\n# x\n@a = b\n### y\n  POST https://h/", True),
        (b"// x\nGET {{host}}/", True),
        (b"### a\n< {%\n f();\n%}\nGET http://h/", True),
        (b"< {%\n f();\n", False),
        (b"OPTIONS * HTTP/1.1", True),
        (b"# only a comment", False),
        (b"HTTP/1.1 200 OK", False),
        (b"GET me out of here", False),
        (b"get /x", False),
        (b"curl http://h", False),
        (b"#" * 512, False),
    ],
)
def test_files_are_told_by_their_first_request(head: bytes, told: bool) -> None:
    assert begins_requests(head) is told


@settings(max_examples=300, deadline=None)
@given(damaged(FILE.encode() + b"### w\n" + WIRE, b"###", b"\r\n", b"{{", b"}}", b"@", b"< f\n"))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    check_damage(data, Format.HTTP)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replayd.formats.http_requests.reader.MAX_FILE", 100)
    [found] = read_capture(io.BytesIO(FILE.encode()), format=None, salvage=True)
    assert isinstance(found, DamagedFlow)
    assert "larger than 100 bytes" in found.message


def test_many_requests_without_a_separator_take_the_time_of_their_bytes() -> None:
    wire = b"GET / HTTP/1.1\r\n\r\n"
    with limited_time(10):
        assert len(read(wire * 20_000, Format.HTTP)) == 20_000


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="a head without an end"),
        pytest.param(
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n-\n",
            id="a chunk that goes on in the next section",
        ),
    ],
)
def test_requests_that_say_to_be_longer_than_the_file_look_beyond_their_section_seldom(
    torn: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []

    def counted(data: bytes, start: int, **others: Any) -> ReadRequest:
        looked_at.append(len(data) - start)
        return read_request(data, start, **others)

    monkeypatch.setattr(reader, "read_request", counted)
    sections = torn + b"###\n"
    assert len(read(sections * 1000, Format.HTTP)) == 1000
    assert sum(looked_at) < (reader._TORN_READS + 2) * 1000 * len(sections)

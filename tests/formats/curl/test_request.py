"""The requests of curl commands, beside what curl sends for them."""

import base64
import json
import re
from typing import Any

import pytest

from replayd.formats import Format
from replayd.model.flow import Flow, Request
from replayd.planning.plan import make_plan
from tests.support.captures import FOLDER
from tests.support.raw_captures import read, read_one

COMMANDS: list[dict[str, Any]] = [
    {**command, "name": f"{path.stem}-{command['name']}"}
    for path in sorted((FOLDER / "curl").glob("*.json"))
    for command in json.loads(path.read_text())
]

BETTER = {
    "curlconverter-a-get_http2_warning": "an upgrade to h2c would leave HTTP/1.1 behind",
    "curlconverter-a-put_xput": "shlex keeps a backslash before a line's end, no shell does",
}
"""Where what was sent is not what is wanted."""

_BOUNDARY = re.compile(rb"-{24}[0-9a-f]{16}")
_NO_BLANK = re.compile(rb"^([\w-]+:)(?! )", re.MULTILINE)


def sent(flow: Flow) -> bytes:
    """A flow's bytes on the wire."""
    assert flow.request is not None
    assert flow.request.content is not None
    content = flow.request.content
    head = make_plan(flow, flow_index=0, connect_to=[], raw=False).head
    if b"chunked" in head:
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    return head + content


def alike(data: bytes) -> bytes:
    """Without what curl makes up, and with the blank that is always sent."""
    head, end, content = data.partition(b"\r\n\r\n")
    return _BOUNDARY.sub(b"-B-", _NO_BLANK.sub(rb"\1 ", head) + end + content)


def chunks_joined(data: bytes) -> bytes:
    head, end, content = data.partition(b"\r\n\r\n")
    sizes = re.compile(rb"([0-9a-f]+)\r\n")
    joined, at = b"", 0
    while found := sizes.match(content, at):
        size = int(found[1], 16)
        joined += content[found.end() : found.end() + size]
        at = found.end() + size + 2
    return head + end + b"%x\r\n%b\r\n0\r\n\r\n" % (len(joined), joined)


def test_what_is_better_is_there() -> None:
    assert {command["name"] for command in COMMANDS} > BETTER.keys()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command["name"])
def test_a_real_command_is_sent_as_curl_does(command: dict[str, Any]) -> None:
    flows = read(command["command"].encode(), Format.CURL)
    assert flows
    if command["sent"] is None or command["name"] in BETTER:
        return
    told = [each.encode("latin-1") for each in command["sent"]]
    for flow, data in zip(flows, told, strict=True):
        assert isinstance(flow, Flow)
        assert alike(sent(flow)) == alike(chunks_joined(data) if b"chunked" in data else data)


def of(line: str) -> Request:
    """The request of a command about which there is nothing to note."""
    flow, notes = read_one(f"curl {line}".encode(), Format.CURL)
    assert notes == []
    assert flow.request is not None
    return flow.request


def lines(request: Request) -> list[str]:
    return [f"{name.decode()}: {value.decode()}" for name, value in request.headers]


AGENT, ACCEPT = "User-Agent: curl/7.88.1", "Accept: */*"
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--compressed -e r -b x=y -b z=1 -H 'A: b' -r 0-9 -u u:p h.test",
         ["Host: h.test", "Authorization: Basic dTpw", "Range: bytes=0-9", AGENT, ACCEPT,
          "Accept-Encoding: deflate, gzip, br, zstd", "Referer: r", "Cookie: x=y;z=1", "A: b"]),
        ("-H 'Host: o' -H 'host: p' h.test", ["Host: o", AGENT, ACCEPT]),
        ("-H Host: -H Accept: -H 'user-agent: x' h.test", ["user-agent: x"]),
        ("-A '' -e 'r;auto' h.test", ["Host: h.test", ACCEPT, "Referer: r"]),
        ("-H 'Cookie: z' -b a=b h.test", ["Host: h.test", AGENT, ACCEPT, "Cookie: z"]),
        ("--oauth2-bearer T -u a:b h", ["Host: h", "Authorization: Bearer T", AGENT, ACCEPT]),
        ("-u a h.test", ["Host: h.test", "Authorization: Basic YTo=", AGENT, ACCEPT]),
        ("-d a -H Content-Type: h.test", ["Host: h.test", AGENT, ACCEPT, "Content-Length: 1"]),
        ("-d a=1 --json {} h.test",
         ["Host: h.test", AGENT, "Content-Type: application/json", "Accept: application/json",
          "Content-Length: 5"]),
        ("--json {} -H 'content-type: z' h",
         ["Host: h", AGENT, "content-type: z", "Accept: application/json", "Content-Length: 2"]),
        ("-H 'Transfer-Encoding: chunked' -d abc h.test",
         ["Host: h.test", AGENT, ACCEPT, "Transfer-Encoding: chunked", FORM]),
    ],
)  # fmt: skip
def test_fields_stand_as_curl_orders_them(line: str, found: list[str]) -> None:
    assert lines(of(line)) == found


@pytest.mark.parametrize(
    ("line", "method", "path"),
    [
        ("h.test", b"GET", b"/"),
        ("-d x h.test", b"POST", b"/"),
        ("-F x=y h.test", b"POST", b"/"),
        ("-I h.test", b"HEAD", b"/"),
        ("-I -G -d x h.test", b"HEAD", b"/?x"),
        ("-G -d x -d y 'h.test/?a'", b"GET", b"/?a&x&y"),
        ("-G -d x 'h.test?'", b"GET", b"/?x"),
        ("--url-query a=b 'h.test?z'", b"GET", b"/?z&a=b"),
        ("-X post -d '' h.test", b"post", b"/"),
        ("-X OPTIONS --request-target '*' h.test", b"OPTIONS", b"*"),
    ],
)
def test_methods_and_targets(line: str, method: bytes, path: bytes) -> None:
    request = of(line)
    assert (request.method, request.path) == (method, path)


def test_a_form_is_one() -> None:
    request = of("-F 'a=\"x;y\";type=text/plain;filename=f' -H 'Content-Type: multipart/mixed' h")
    assert request.content is not None
    boundary = request.headers[-1][1].partition(b"boundary=")[2]
    assert request.headers[-1] == (b"Content-Type", b"multipart/mixed; boundary=" + boundary)
    assert request.content == (
        b'--%b\r\nContent-Disposition: attachment; name="a"; filename="f"\r\n'
        b"Content-Type: text/plain\r\n\r\nx;y\r\n--%b--\r\n" % (boundary, boundary)
    )
    assert request == of(
        "-F 'a=\"x;y\";type=text/plain;filename=f' -H 'Content-Type: multipart/mixed' h"
    )


def test_a_large_content_is_announced() -> None:
    large = "x" * ((1 << 20) + 1)
    assert lines(of(f"-d {large} h"))[-1] == "Expect: 100-continue"
    assert lines(of(f"-d {large} -H Expect: h"))[-1] == FORM
    assert lines(of(f"-0 -d {large} h"))[-1] == FORM


@pytest.mark.parametrize(
    ("line", "version"),
    [("--http2 https://h/", b"HTTP/2.0"), ("--http2-prior-knowledge h", b"HTTP/2.0"),
     ("--http3 https://h/", b"HTTP/3")],
)  # fmt: skip
def test_http2_has_an_authority(line: str, version: bytes) -> None:
    request = of(f"{line} -H 'X-Y: z'")
    assert (request.http_version, request.authority) == (version, b"h")
    assert lines(request) == ["user-agent: curl/7.88.1", "accept: */*", "x-y: z"]


@pytest.mark.parametrize("way", ["anyauth", "digest", "negotiate", "ntlm"])
def test_credentials_wait_until_the_server_asks(way: str) -> None:
    flow, [note] = read_one(f"curl http://h/ --{way} -u a:b".encode(), Format.CURL)
    assert flow.request is not None
    assert all(name != b"Authorization" for name, _ in flow.request.headers)
    assert note == f"--{way} has the server ask: no credentials are sent"
    assert of(f"http://h/ --{way}").method == b"GET"


def test_what_stands_before_a_next_without_a_url_is_kept() -> None:
    assert of("-d a --next http://h/").content == b"a"
    assert of("--next http://h/").method == b"GET"


def test_users_in_urls_are_sent() -> None:
    encoded = base64.b64encode(b"u s:p")
    assert of("http://u%20s:p@h/").headers[1] == (b"Authorization", b"Basic " + encoded)


@pytest.mark.parametrize(
    ("line", "said"),
    [("-s", "it has no URL"), ("-d a -F b=c h", "data beside a form"), ("-I -d a h", "beside -I"),
     ("ftp://h/", "no URL of http or https"), ("-F =) h", "form inside a form"),
     ("-G --data-urlencode 'a b=c' h", "it holds a blank")],
)  # fmt: skip
def test_what_curl_would_not_send_has_no_request(line: str, said: str) -> None:
    flow, notes = read_one(f"curl {line}".encode(), Format.CURL)
    assert flow.request is None
    assert "what curl sends can't be told" in notes[-1]
    assert said in notes[-1]

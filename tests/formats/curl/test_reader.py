"""Texts with curl commands: copied ones, histories, scripts; damaged ones."""

import io

import pytest
from hypothesis import given, settings

from replayd.errors import CaptureError
from replayd.formats import Format, read_capture
from replayd.formats.curl import begins_curl, reader
from replayd.model.flow import CaptureNote, DamagedFlow, Flow
from replayd.reasons import Reason
from tests.support.raw_captures import check_damage, damaged, read
from tests.support.work import calls

CHROME = r"""curl 'https://shop.test/api?q=a%20b' \
  -X 'PUT' \
  -H 'accept: */*' \
  -H 'content-type: application/json' \
  -b 'sid=1; theme=dark' \
  --data-raw $'{"text":"it\'s \u0021"}' \
  --compressed ;
curl 'https://shop.test/favicon.ico' --insecure"""


def test_what_chrome_copies() -> None:
    first, second = read(CHROME.encode(), Format.CURL)
    assert isinstance(first, Flow)
    assert isinstance(second, Flow)
    assert first.request is not None
    assert (first.request.method, first.request.scheme, first.request.host, first.request.port) == (
        b"PUT", b"https", "shop.test", 443,
    )  # fmt: skip
    assert first.request.path == b"/api?q=a%20b"
    assert first.request.content == b'{"text":"it\'s !"}'
    assert (b"Cookie", b"sid=1; theme=dark") in first.request.headers
    assert second.request is not None


def targets(text: str) -> list[str | None]:
    flows = read(text.encode(), Format.CURL, salvage=True)
    return [
        (each.request.path.decode() if each.request else None) if isinstance(each, Flow) else "torn"
        for each in flows
    ]


@pytest.mark.parametrize(
    "line",
    [
        "$ curl h/x",
        "A=b C='d e' curl h/x",
        "sudo curl h/x | jq .",
        "/usr/bin/curl h/x > out",
        "cd /tmp && time curl h/x",
        "if ! curl -f h/x; then exit 1; fi",
        "(curl h/x)",
        "curl.exe h/x",
    ],
)
def test_curl_is_found_among_other_commands(line: str) -> None:
    assert targets(f"ls -l\n{line}\necho curl h/y\n# curl h/z\ncurling h/w\n") == ["/x"]


def test_histories_say_when() -> None:
    text = "#1700000001\nls\n#1700000002\ncurl h/1\n: 1700000003:0;curl h/2\ncurl h/3"
    flows = read(text.encode(), Format.CURL)
    times = [each.request.start_time for each in flows if isinstance(each, Flow) and each.request]
    assert times == [1700000002, 1700000003, None]


def test_every_request_of_a_command_is_a_flow() -> None:
    assert targets("curl h/1 h/2 --next h/3; curl h/4") == ["/1", "/2", "/3", "/4"]
    found = list(read_capture(io.BytesIO(b"curl h/1 -k 'h/{2}' h/3\ncurl h/4"), format=Format.CURL))
    flows = [each for each in found if isinstance(each, Flow)]
    assert [each.request is None for each in flows] == [False, True, False]
    notes = [
        (each.flow_index, each.message[:20]) for each in found if isinstance(each, CaptureNote)
    ]
    assert notes == [(0, "--insecure is no par"), (1, "what curl sends can'")]


def test_a_command_without_end_damages_the_text() -> None:
    text = "curl h/1\ncurl 'h/2\ncurl h/3"
    with pytest.raises(CaptureError) as caught:
        read(text.encode(), Format.CURL)
    error = caught.value
    assert (error.reason, error.byte_offset, error.flow_index) == (Reason.DAMAGED_CAPTURE, 9, 1)
    assert targets(text) == ["/1", "torn", "/3"]


def test_other_commands_without_end_are_passed_over() -> None:
    assert targets("echo it's\ncurl h/1\necho \"\ncurl h/2") == ["/1", "/2"]


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"curl http://h", True),
        (b"\xef\xbb\xbf\n# x\n$ curl h", True),
        (b"#!/bin/sh\nset -e\nA=b curl \\\n", True),
        (b"ls\n/usr/bin/curl -s h", True),
        (b"curling is fun", False),
        (b"see curl h", False),
        (b"'curl h'", False),
    ],
)
def test_texts_are_told_by_a_command(head: bytes, told: bool) -> None:
    assert begins_curl(head) is told


PIECES = CHROME.encode() + b"\ncurl -F a=@b 'h/[1]' --next -d \"$(printf 'x')\" g <<E\nx\nE\n"


@settings(max_examples=300, deadline=None)
@given(damaged(PIECES, b"'", b'"', b"$(", b"\\", b"\n", b"<<", b"-H", b";"))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    check_damage(data, Format.CURL)


def test_a_text_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replayd.formats.curl.reader.MAX_FILE", 100)
    [found] = read_capture(io.BytesIO(CHROME.encode()), format=None, salvage=True)
    assert isinstance(found, DamagedFlow)
    assert "larger than 100 bytes" in found.message


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"x \\\n", id="one command on many lines"),
        pytest.param(b")$(\n", id="one substitution after the other"),
    ],
)
def test_reading_again_after_commands_without_an_end_is_bounded(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_REREAD", 0)

    def work(lines: int) -> int:
        def damage() -> None:
            with pytest.raises(CaptureError, match="have no end"):
                read(line * lines + b"'", Format.CURL)

        return calls(damage)

    assert work(800) < 2.5 * work(400)


@pytest.mark.parametrize(
    "repeated", [b"-d " + b"x" * 1000, b"-H a:b " * 30], ids=["a content", "fields"]
)
def test_what_urls_repeat_is_bounded(repeated: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_MADE", 10_000)
    *flows, last = read(b"curl " + repeated + b" a.test" * 100, Format.CURL)
    assert 1 < len(flows) < 50
    assert isinstance(last, Flow)
    assert last.request is None

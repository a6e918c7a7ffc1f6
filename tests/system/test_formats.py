"""Captures of other tools, as their users replay them: enqueued with replayctl, recorded.

What must arrive is computed here from the captures themselves, not with the daemon's code.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.programs import ROOT
from tests.support.recorder import Recorded, Recorder

CAPTURES = ROOT / "tests" / "data" / "captures"
COMPRESSED = {"rec-bodies.har": 9}
"""The entry whose content was compressed: its coding is left out."""


def har(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((CAPTURES / "har" / name).read_text())["log"][
        "entries"
    ]
    return entries


def fields_of(entry: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """An entry's fields; odd bytes stand in them as surrogate escapes."""
    listed = ((each["name"], each["value"]) for each in entry["request"]["headers"])
    return [(n.encode(), v.encode("utf-8", "surrogateescape")) for n, v in listed]


def head_of(arrived: Recorded) -> bytes:
    return arrived.head.removeprefix(arrived.start_line + b"\r\n")


@pytest.mark.parametrize(
    ("name", "refused"),
    [("rec-basic.har", ()), ("rec-odd.har", (7, 8)), ("rec-bodies.har", ())],
)
def test_a_har_of_http1_arrives_as_it_was_recorded(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    name: str,
    refused: tuple[int, ...],
) -> None:
    recorder, daemon = start_recorder(), start_daemon("--insecure")
    path = str(CAPTURES / "har" / name)
    rules = ["--connect-to", f"http://={recorder.address}", "--connect-to", "https://=127.0.0.1:1"]
    done = daemon.replayctl("enqueue", path, *rules, "--wait")
    entries = har(name)
    assert f"{len(entries) - len(refused)} accepted" in done.stdout
    for at in refused:
        assert f"flow {at} refused: MISSING_CONTENT" in done.stdout
    kept = [(at, entry) for at, entry in enumerate(entries) if at not in refused]
    for (at, entry), arrived in zip(kept, recorder.requests, strict=True):
        fields = fields_of(entry)
        if COMPRESSED.get(name) == at:
            # Named: the field, and the length that fits what is sent now.
            assert len(arrived.content) > entry["request"]["bodySize"]
            continue
        expected = b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"
        assert head_of(arrived) == expected
        assert len(arrived.content) == entry["request"]["bodySize"]


def test_a_har_of_a_browser_over_http2_works(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    authority: Authority,
) -> None:
    secure = start_recorder(tls=authority.server_context("any.test"))
    daemon = start_daemon("--insecure")
    path = str(CAPTURES / "har" / "mitmproxy-chrome.har")
    done = daemon.replayctl("enqueue", path, "--connect-to", f"https://={secure.address}", "--wait")
    assert "3 accepted" in done.stdout
    hosts = [arrived.field(b"host") for arrived in secure.requests]
    assert hosts == [b"mitmproxy.org", b"www.google.com", b"www.google.com"]
    assert all(not arrived.head.startswith(b":") for arrived in secure.requests)
    assert all(b"\r\n:" not in arrived.head for arrived in secure.requests)


def test_a_goreplay_file_arrives_as_it_was_recorded(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder, daemon = start_recorder(), start_daemon()
    path = CAPTURES / "goreplay" / "gor-odd-tracked.gor"
    done = daemon.replayctl(
        *("enqueue", str(path), "--format", "goreplay", "--wait"),
        *("--connect-to", f"http://={recorder.address}"),
    )
    assert "12 accepted, 1 refused" in done.stdout
    assert "INVALID_TARGET: the host '' is empty" in done.stdout
    assert "a response whose request is missing" in done.stdout
    captured = path.read_bytes()
    assert len(recorder.requests) == 12
    for arrived in recorder.requests:
        if arrived.field(b"transfer-encoding") is None:
            # "X-Empty:" is the one field that has no space behind its colon.
            raw = arrived.raw.replace(b"X-Empty: \r\n", b"X-Empty:\r\n")
            assert raw in captured
        else:
            assert arrived.head in captured
            assert arrived.content == b"hello world"
    watched = daemon.replayctl("watch", "--from", "start", "--until-idle").stdout
    assert "GET http://127.0.0.1:28100/odd  200" in watched


def test_a_curl_command_is_sent_as_curl_would(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder, daemon = start_recorder(), start_daemon("--ephemeral")
    rule = ["--connect-to", f"http://shop.test={recorder.address}"]
    command = b"curl 'http://shop.test/x?y' -H 'X-A: b' --data-raw $'it\\'s' --compressed"
    done = daemon.replayctl("enqueue", "-", *rule, "--wait", stdin=command)
    assert "1 accepted" in done.stdout
    [arrived] = recorder.requests
    assert arrived.raw == (
        b"POST /x?y HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
        b"Accept-Encoding: deflate, gzip, br, zstd\r\nX-A: b\r\nContent-Length: 4\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nit's"
    )


def test_a_damaged_dump_is_salvaged_and_says_what_is_lost(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder, daemon = start_recorder(), start_daemon("--ephemeral")
    rule = ["--connect-to", f"http://={recorder.address}"]
    path = str(CAPTURES / "mut-not-a-dict.mitm")
    refused = daemon.replayctl("enqueue", path, *rule, exit_code=4)
    assert "byte 1843, flow 1" in refused.stderr
    done = daemon.replayctl("enqueue", path, *rule, "--salvage", "--wait")
    assert "2 accepted, 1 refused" in done.stdout
    assert "flow 1 refused: DAMAGED_CAPTURE: " in done.stdout
    assert len(recorder.requests) == 2
    watched = daemon.replayctl("watch", "--from", "start", "--until-idle").stdout
    assert "(byte 1843)" in watched

"""Requests are rewritten as mitmproxy rewrites them, and arrive so; what differs is named."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flowreplay.v1 import plan_pb2 as pb
from flowreplay_client import Client, connect, request_flow

from tests.support.captures import CAPTURES
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT, find
from tests.support.recorder import Recorder

CAPTURE = CAPTURES["rec-basic"].path

CASES: list[dict[str, list[str]]] = [
    {},
    {"modify_headers": ["/User-Agent/me", "/X-New/a\\tb", "/accept/", "/~s/X-Never/no"]},
    {"modify_headers": ["/Host/other.test", "|X-Two|1", "|x-two|2", "/~m POST & ~q/X-Post/yes"]},
    {"modify_headers": ["/X-A/1", "/~hq x-a/X-B/2"], "map_remote": ["|json|JSON", "|\\?.*$|"]},
    {"map_remote": ["|/plain/([0-9]+)|/other/\\1/\\1", "|^http://[^/]*/|http://a.test:81/v2/"]},
    {"map_remote": ["|^http://[^/]*/|http://staging.test/", "#~d staging#/get#/got"]},
    {"modify_headers": ["/Host/first.test"], "modify_body": ["/a/bb", "/~m POST/[0-9]+/", "/^/>"]},
    {"modify_body": ["/.*/\\x00\\1"]},
    {"modify_body": ["/user/USER", "|~bq USER|s.cret|whole"], "map_remote": ["/echo/ECHO"]},
]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Daemon("--ephemeral", "--insecure") as daemon, connect(daemon.address) as client:
        yield client


def arrived_from_us(client: Client, recorder: Recorder, case: dict[str, Any]) -> list[bytes]:
    """What arrives of a capture that is rewritten so."""
    batch = client.enqueue_capture(
        CAPTURE,
        connect_to=[f"=127.0.0.1:{recorder.port}"],
        **case,
    )
    for _ in client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True):
        pass
    arrived = [each.raw for each in recorder.requests]
    recorder.requests.clear()
    return arrived


def test_requests_arrive_as_mitmproxy_rewrites_them(
    client: Client, start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    subprocess.run(
        [find("mitmdump"), "-nqs", ROOT / "tests" / "support" / "mitmproxy_rewriting.py"],
        env={
            **os.environ,
            "CAPTURE": str(CAPTURE),
            "CASES": json.dumps(CASES),
            "PORT": str(recorder.port),
        },
        timeout=DEADLINE,
        check=True,
    )
    theirs: list[list[bytes]] = [[] for _ in CASES]
    for each in recorder.requests:
        index = each.field(b"Case")
        assert index is not None
        raw = each.raw.replace(b"Case: %b\r\n" % index, b"")
        # It adds the field itself, also where nothing became of no content.
        raw = raw.replace(b"\ncontent-length: 0\r\n", b"\n")
        theirs[int(index)].append(raw.replace(b"\ncontent-length:", b"\nContent-Length:"))
    recorder.requests.clear()
    untouched = theirs[0]
    for case, expected in zip(CASES, theirs, strict=True):
        assert arrived_from_us(client, recorder, case) == expected, case
        # Each is worth its place.
        assert len(expected) == 23
        assert case == {} or expected != untouched


def test_a_target_takes_host_and_tls_along_unless_they_are_set_apart(
    client: Client, start_recorder: Callable[..., Recorder], authority: Authority
) -> None:
    recorder = start_recorder(tls=authority.server_context("any.test"))
    flow = request_flow("POST", "http://shop.test/buy?x=1&x=2", [("X-Odd", "a")], b"n=1")
    dialled = [f"https://staging.test:8443=127.0.0.1:{recorder.port}"]
    asked: dict[str, Any] = {"target": "https://staging.test:8443/v2/", "connect_to": dialled}
    apart = {"host": "shop.test", "server_name": "tls.test"}
    more = {
        "set_query": ["x=ä&b", "y="],
        "set_headers": ["x-odd: b", "Authorization: Bearer abcdefgh"],
        "set_cookies": ["id=1"],
        "modify_body": ["/n=/number="],
    }
    first = client.enqueue([flow], **asked)
    events = list(client.watch(start=first.cursor, batch_id=first.batch_id, until_idle=True))
    second = client.enqueue([flow], **asked, **apart, **more)
    events += client.watch(start=second.cursor, batch_id=second.batch_id, until_idle=True)
    plain, rewritten = recorder.requests
    assert plain.raw == (
        b"POST /v2/buy?x=1&x=2 HTTP/1.1\r\nHost: staging.test:8443\r\nX-Odd: a\r\n"
        b"Content-Length: 3\r\n\r\nn=1"
    )
    assert rewritten.raw == (
        b"POST /v2/buy?x=%C3%A4%26b&y= HTTP/1.1\r\nHost: shop.test\r\nX-Odd: b\r\n"
        b"Content-Length: 8\r\nAuthorization: Bearer abcdefgh\r\nCookie: id=1\r\n\r\nnumber=1"
    )
    assert (plain.server_name, rewritten.server_name) == ("staging.test", "tls.test")
    shown = [each.request for each in events if each.WhichOneof("payload") == "request"]
    named = [pb.ChangeKind.Name(each.kind)[12:] for each in shown[1].plan.changes]
    assert named == [
        *("TARGET_REWRITTEN", "PATH_REWRITTEN", *["FIELD_REWRITTEN"] * 4),
        *("CONTENT_REWRITTEN", "SERVER_NAME_REWRITTEN", "CONNECT_TO"),
    ]
    assert not any(b"abcdefgh" in each.SerializeToString() for each in events)
    assert b"Authorization: Bearer \xe2\x80\xb9redacted" in shown[1].plan.head

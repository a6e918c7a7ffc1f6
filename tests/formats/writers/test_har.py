"""Entries of a HAR: valid, and read back as what they were."""

import io
import json
from typing import Any

import pytest

from replayd.formats.writers.har import BETWEEN, HEAD, TAIL, write
from replayd.model.flow import Flow
from replayd.model.replayed import Replayed
from tests.support.captures import flows_of
from tests.support.har_schema import check_har
from tests.support.replayed import (
    CONNECTION,
    HTTP2_PLAN,
    REQUEST,
    captured,
    failed,
    succeeded,
)
from tests.support.replayed import HEAD as RESPONSE_HEAD


def capture(*replays: Replayed) -> bytes:
    return HEAD + BETWEEN.join(b"".join(write(each)) for each in replays) + TAIL


def entry(replayed: Replayed) -> dict[str, Any]:
    har = json.loads(capture(replayed))
    check_har(har)
    (found,) = har["log"]["entries"]
    assert isinstance(found, dict)
    return found


def read(*replays: Replayed) -> list[Flow]:
    return flows_of(io.BytesIO(capture(*replays)))


def test_a_har_of_nothing_and_of_much() -> None:
    check_har(json.loads(capture()))
    har = json.loads(capture(succeeded(), failed(), succeeded()))
    check_har(har)
    assert len(har["log"]["entries"]) == 3


def test_an_entry() -> None:
    found = entry(succeeded(captured(comment="a comment")))
    assert found["startedDateTime"] == "2023-11-14T22:13:20.123456Z"
    assert found["time"] == 20
    assert (found["serverIPAddress"], found["connection"]) == ("10.0.0.1", "50000")
    assert (found["comment"], found["_recordedStatus"]) == ("a comment", 404)
    assert found["_replay"] == {"id": "batch.7", "attempt": 1, "state": "SUCCEEDED"}
    assert found["response"]["status"] == 200
    assert "_error" not in found["response"]


def test_over_http2_the_pseudo_fields_stand_before_the_others() -> None:
    replayed = succeeded(plan=HTTP2_PLAN, connection=CONNECTION._replace(alpn="h2"))
    request = entry(replayed)["request"]
    assert request["httpVersion"] == "HTTP/2.0"
    names = [field["name"] for field in request["headers"]]
    assert names == [":method", ":scheme", ":path", ":authority", "content-length"]
    (flow,) = read(replayed)
    assert flow.request is not None
    assert (flow.request.http_version, flow.request.authority) == (b"HTTP/2.0", b"b.test")


def test_a_failed_replay_has_an_error() -> None:
    found = entry(failed(captured(response=None)))
    assert found["response"]["_error"] == "CONNECT_TIMEOUT: no answer"
    assert found["response"]["status"] == 0
    assert found["time"] == found["timings"]["connect"] == 30
    assert not {"serverIPAddress", "connection", "_recordedStatus"} & found.keys()


def test_a_response_that_broke_off_is_shown_as_far_as_it_came() -> None:
    found = entry(failed(head=RESPONSE_HEAD, content_prefix=b"half", content_size=9))
    assert found["response"]["content"]["text"] == "half"
    assert found["response"]["bodySize"] == 9


def test_a_proxy_s_address_is_not_the_server_s() -> None:
    proxied = succeeded(connection=CONNECTION._replace(proxied=True))
    assert "serverIPAddress" not in entry(proxied)


@pytest.mark.parametrize("content", [b"abc", "é".encode(), bytes(range(256)), b""])
def test_it_is_read_back(content: bytes) -> None:
    length = (b"Content-Length", b"%d" % len(content))
    headers = (REQUEST.headers[0], length, (b"X-Odd", b"caf\xe9"), (b"x-odd", b""))
    request = REQUEST._replace(content=content, headers=headers)
    head = RESPONSE_HEAD._replace(headers=((b"Content-Type", b"text/plain"), (b"X", b"\xff")))
    one, two = read(
        succeeded(captured(request), content=content, head=head), failed(captured(request))
    )
    for flow in (one, two):
        assert flow.request is not None
        assert (flow.request.headers, flow.request.content) == (headers, content)
        assert (flow.request.host, flow.request.path) == ("a.test", b"/p?q=1")
    assert one.response is not None
    assert (one.response.headers, one.response.content) == (head.headers, content)
    assert (one.error, two.response) == (None, None)
    assert two.error is not None
    assert two.error.message == "CONNECT_TIMEOUT: no answer"

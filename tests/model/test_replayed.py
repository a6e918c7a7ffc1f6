"""What an export is made of."""

from dataclasses import replace
from typing import Any

import pytest

from replayd.model.flow import Flow, WebSocket
from replayd.model.outcome import Timings
from replayd.model.plan import HttpVersions
from tests.support.replayed import (
    CONNECTION,
    HEAD,
    HTTP2,
    HTTP2_PLAN,
    MS,
    SAID_AGAIN,
    START,
    conversed,
    failed,
    succeeded,
)

TWO = HTTP2_PLAN.target._replace(http_versions=HttpVersions.TWO)


def test_a_response_has_the_replay_s_times() -> None:
    replayed = succeeded(trailers=((b"T", b"u"),))
    response = replayed.response
    assert response is not None
    assert (response.headers, response.content, response.trailers) == (
        HEAD.headers,
        b"new",
        ((b"T", b"u"),),
    )
    assert response.start_time == pytest.approx((START + 16 * MS) / 1e9)
    assert response.end_time == pytest.approx((START + 20 * MS) / 1e9)
    assert replayed.error == ""


def test_a_failure_says_its_reason_first() -> None:
    assert failed().error == "CONNECT_TIMEOUT: no answer"
    assert failed().response is None
    assert failed(head=HEAD).response is not None


def test_times_that_were_not_reached_are_none() -> None:
    response = succeeded(timings=Timings(START)).response
    assert response is not None
    assert (response.start_time, response.end_time) == (None, None)


@pytest.mark.parametrize(
    ("fields", "spoken"),
    [
        ({}, False),
        ({"connection": CONNECTION._replace(alpn="http/1.1")}, False),
        ({"connection": CONNECTION._replace(alpn="h2"), "head": None}, True),
        ({"head": HEAD._replace(http_version=b"HTTP/2.0"), "connection": None}, True),
        ({"plan": HTTP2_PLAN._replace(target=TWO), "connection": None, "head": None}, True),
    ],
)
def test_what_was_sent_over_which_version(fields: dict[str, Any], spoken: bool) -> None:
    replayed = succeeded(**{"plan": HTTP2_PLAN, **fields})
    if not spoken:
        assert (replayed.http2, replayed.sent_request) == (None, replayed.request)
        return
    sent = replayed.sent_request
    assert replayed.http2 == HTTP2.headers
    assert (sent.http_version, sent.authority) == (b"HTTP/2.0", b"b.test")
    assert (sent.headers, sent.trailers) == (((b"content-length", b"3"),), HTTP2.trailers)
    assert (sent.host, sent.path, sent.content) == ("a.test", b"/p?q=1", b"abc")


def test_what_has_no_form_of_http2_was_never_http2() -> None:
    assert succeeded(connection=CONNECTION._replace(alpn="h2")).http2 is None


def test_what_was_said_again() -> None:
    assert succeeded().websocket is None
    assert conversed().websocket == WebSocket(
        SAID_AGAIN, True, 1000, "bye", pytest.approx((START + 20 * MS) / 1e9)
    )


def test_a_flow_without_request_is_never_replayed() -> None:
    with pytest.raises(AssertionError):
        _ = replace(succeeded(), flow=Flow()).request

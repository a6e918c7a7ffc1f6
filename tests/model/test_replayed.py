"""What an export is made of."""

from dataclasses import replace

import pytest

from replayd.model.flow import Flow
from replayd.model.outcome import Timings
from tests.support.replayed import HEAD, MS, START, failed, succeeded


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


def test_a_flow_without_request_is_never_replayed() -> None:
    with pytest.raises(AssertionError):
        _ = replace(succeeded(), flow=Flow()).request

import pytest
from flowreplay_client.channel import channel_options


def test_a_proxy_of_the_environment_is_never_used() -> None:
    assert dict(channel_options(1.0))["grpc.enable_http_proxy"] == 0


def test_the_timeout_bounds_each_try_to_connect() -> None:
    assert dict(channel_options(2.5))["grpc.min_reconnect_backoff_ms"] == 2500
    assert dict(channel_options(0.0001))["grpc.min_reconnect_backoff_ms"] == 1


@pytest.mark.parametrize("timeout", [-1, float("inf"), float("nan"), 1e300])
def test_what_is_no_timeout_is_said(timeout: float) -> None:
    with pytest.raises(ValueError, match="is not from 0 to 1000000 seconds"):
        channel_options(timeout)


def test_grpc_repeats_no_call_by_itself() -> None:
    """It may leave a message out: the tries are ours."""
    assert dict(channel_options(1.0))["grpc.enable_retries"] == 0

import grpc
import pytest
from flowreplay_client import ReplaydClientError, Unreachable
from flowreplay_client.tries import MAX_TRIES, Tries

GONE = Unreachable("", "gone", {}, grpc.StatusCode.UNAVAILABLE)
BUSY = ReplaydClientError("REQUEST_IN_PROGRESS", "busy", {}, grpc.StatusCode.ABORTED)
BAD = ReplaydClientError("DAMAGED_CAPTURE", "bad", {}, grpc.StatusCode.INVALID_ARGUMENT)


def test_a_daemon_that_was_never_reached_is_reported_at_once() -> None:
    with pytest.raises(Unreachable) as caught:
        Tries("r", repeatable=True).after(GONE, reached=False)
    assert caught.value is GONE


def test_a_broken_connection_is_tried_again_a_limited_number_of_times() -> None:
    tries = Tries("r", repeatable=True)
    assert tries.after(GONE, reached=True) > 0
    for _ in range(MAX_TRIES - 2):
        assert tries.after(GONE, reached=False) > 0
    with pytest.raises(Unreachable, match="request_id r,") as caught:
        tries.after(GONE, reached=False)
    assert caught.value.metadata == {"request_id": "r"}


def test_what_can_be_read_only_once_is_in_doubt() -> None:
    with pytest.raises(Unreachable, match="may be queued or not") as caught:
        Tries("r", repeatable=False).after(GONE, reached=True)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_our_own_try_may_still_be_under_way() -> None:
    tries = Tries("r", repeatable=True)
    tries.after(GONE, reached=True)
    assert tries.after(BUSY, reached=True) > 0


def test_another_clients_call_under_way_is_an_error() -> None:
    with pytest.raises(ReplaydClientError) as caught:
        Tries("r", repeatable=True).after(BUSY, reached=True)
    assert caught.value is BUSY


def test_a_refusal_is_final() -> None:
    tries = Tries("r", repeatable=True)
    tries.after(GONE, reached=True)
    with pytest.raises(ReplaydClientError) as caught:
        tries.after(BAD, reached=True)
    assert caught.value is BAD

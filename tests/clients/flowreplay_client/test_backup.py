"""A copy of the journal, as its caller sees it."""

import grpc
import pytest
from flowreplay.v1.journal_pb2 import BackUpRequest, BackUpResponse
from flowreplay_client import Client, ReplaydClientError, Unreachable, connect

from tests.support.fake_daemon import HANG, STOPPING, FakeDaemon, Refuse

BEGUN = BackUpResponse(cursor="c")
GROWN = BackUpResponse(copied_bytes=5, total_bytes=9, cursor="c")
DONE = BackUpResponse(copied_bytes=9, total_bytes=9, done=True, cursor="c")
NOT_EMPTY = Refuse(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_OPTIONS")


def test_it_ends_with_the_last_response(client: Client, fake: FakeDaemon) -> None:
    fake.copies.append([BEGUN, GROWN, DONE])
    told: list[tuple[int, int | None]] = []
    done = client.back_up("/copies/today", progress=lambda *each: told.append(each))
    assert (done, told) == (DONE, [(0, 0), (5, 9)])
    assert fake.requests == [BackUpRequest(folder="/copies/today")]


def test_what_breaks_off_is_no_copy(client: Client, fake: FakeDaemon) -> None:
    fake.copies += [[BEGUN, STOPPING], [BEGUN], [NOT_EMPTY]]
    with pytest.raises(Unreachable, match="stopping"):
        client.back_up("/copies/today")
    with pytest.raises(ReplaydClientError, match="without a word"):
        client.back_up("/copies/today")
    with pytest.raises(ReplaydClientError) as caught:
        client.back_up("/copies/today")
    assert caught.value.reason == "INVALID_OPTIONS"


def test_a_silent_daemon_is_unreachable(fake: FakeDaemon) -> None:
    fake.copies.append([HANG])
    with (
        connect(fake.address, timeout=0.1) as client,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        client.back_up("/copies/today")

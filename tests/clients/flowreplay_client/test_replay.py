"""All that is kept of one replay: details, then an iterator of pieces."""

import grpc
import pytest
from flowreplay.v1.history_pb2 import (
    REPLAY_CONTENT_RECORDED,
    REPLAY_CONTENT_RESPONSE,
    ContentPiece,
    GetReplayRequest,
    GetReplayResponse,
    ReplayDetails,
)
from flowreplay_client import Client, ReplaydClientError, Unreachable, connect

from tests.support.fake_daemon import HANG, STOPPING, FakeDaemon, Refuse

DETAILS = GetReplayResponse(details=ReplayDetails(recorded_messages_truncated=True))
UNKNOWN = Refuse(grpc.StatusCode.NOT_FOUND, "REPLAY_NOT_FOUND")


def piece(data: bytes, *, last: bool = False) -> GetReplayResponse:
    return GetReplayResponse(
        piece=ContentPiece(content=REPLAY_CONTENT_RESPONSE, data=data, last=last)
    )


def test_details_come_first_then_the_pieces(client: Client, fake: FakeDaemon) -> None:
    fake.kept.append([DETAILS, piece(b"ab"), piece(b"c", last=True)])
    with client.replay("b.1", ["response", "recorded"], content_limit=3, secrets=True) as kept:
        assert kept.details.recorded_messages_truncated
        assert [(each.data, each.last) for each in kept] == [(b"ab", False), (b"c", True)]
    assert fake.requests == [
        GetReplayRequest(
            replay_id="b.1",
            contents=[REPLAY_CONTENT_RESPONSE, REPLAY_CONTENT_RECORDED],
            content_limit_bytes=3,
            reveal_secrets=True,
        )
    ]


def test_errors_are_those_of_the_library(client: Client, fake: FakeDaemon) -> None:
    fake.kept.append([UNKNOWN])
    with pytest.raises(ReplaydClientError) as caught:
        client.replay("b.1")
    assert caught.value.reason == "REPLAY_NOT_FOUND"
    fake.kept.append([DETAILS, piece(b"ab"), STOPPING])
    with pytest.raises(Unreachable, match="stopping"):
        list(client.replay("b.1", ["response"]))
    fake.kept.append([HANG])
    with (
        connect(fake.address, timeout=0.1) as hurried,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        hurried.replay("b.1")


def test_a_content_that_there_is_not_asks_nobody(client: Client, fake: FakeDaemon) -> None:
    with pytest.raises(ValueError, match="'body' is no content of a replay; use request, rec"):
        client.replay("b.1", ["body"])
    assert fake.requests == []

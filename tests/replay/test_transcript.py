"""What is kept and told of a conversation."""

from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.replay.transcript import Transcript
from tests.support.websockets import said

BINARY = WebSocketMessageKind.BINARY
SECOND = 1_000_000_000


def test_all_is_kept_and_the_beginning_told() -> None:
    kept: list[WebSocketMessage] = []
    transcript = Transcript(kept.append, 100 * SECOND)
    transcript.add_received(BINARY, b"x" * 65_000, SECOND)
    transcript.add_sent(said(b"y" * 1000, 5.0, injected=True), 2 * SECOND)
    transcript.add_received(BINARY, b"z", 3 * SECOND)
    assert [(each.from_client, len(each.content), each.time) for each in kept] == [
        (False, 65_000, 101.0),
        (True, 1000, 102.0),
        (False, 1, 103.0),
    ]
    assert not any(each.injected for each in kept)
    result = transcript.result(
        client_closed=True, close_code=1001, close_reason="away", recorded_received_count=3
    )
    assert (result.sent_count, result.received_count) == (1, 2)
    assert result.recorded_received_count == 3
    assert [len(each.content) for each in result.messages] == [65_000, 536]
    assert result.messages_truncated
    assert (result.client_closed, result.close_code, result.close_reason) == (True, 1001, "away")

"""Which of a WebSocket's messages a replay sends, and which it waits for."""

import pytest

from replayd.model.flow import WebSocketMessage, WebSocketMessageKind


@pytest.mark.parametrize(
    ("from_client", "dropped", "injected", "replayed", "awaited"),
    [
        (True, False, False, True, False),
        (True, False, True, True, False),
        (True, True, False, False, False),
        (False, False, False, False, True),
        # The server sent it, whatever became of it, and did not send what was put in.
        (False, True, False, False, True),
        (False, False, True, False, False),
    ],
)
def test_what_went_on_is_replayed_and_what_the_server_sent_is_awaited(
    from_client: bool, dropped: bool, injected: bool, replayed: bool, awaited: bool
) -> None:
    message = WebSocketMessage(
        WebSocketMessageKind.TEXT, from_client, b"", dropped=dropped, injected=injected
    )
    assert (message.replayed, message.awaited) == (replayed, awaited)

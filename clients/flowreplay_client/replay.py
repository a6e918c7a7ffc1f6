"""All that is kept of one replay, on its way from the daemon: details, then contents in pieces."""

from collections.abc import Iterable, Iterator

from flowreplay.v1.history_pb2 import (
    ContentPiece,
    GetReplayRequest,
    GetReplayResponse,
    ReplayContent,
    ReplayDetails,
)

from flowreplay_client.stream import StreamedCall

CONTENTS = {
    "request": ReplayContent.REPLAY_CONTENT_REQUEST,
    "recorded": ReplayContent.REPLAY_CONTENT_RECORDED,
    "response": ReplayContent.REPLAY_CONTENT_RESPONSE,
}
"""The contents of a replay, by the words that people say."""


def replay_request(
    replay_id: str, contents: Iterable[str], content_limit: int | None, *, secrets: bool
) -> GetReplayRequest:
    """Builds the request; raises ValueError for a content that there is not."""
    numbers = []
    for name in contents:
        if name not in CONTENTS:
            raise ValueError(f"{name!r} is no content of a replay; use {', '.join(CONTENTS)}")
        numbers.append(CONTENTS[name])
    return GetReplayRequest(
        replay_id=replay_id,
        contents=numbers,
        content_limit_bytes=content_limit,
        reveal_secrets=secrets,
    )


class KeptReplay(StreamedCall[GetReplayResponse], Iterator[ContentPiece]):
    """The contents that were asked for, in pieces; `details` has all the rest.

    Raises ReplaydClientError; what broke off may be asked for again.
    """

    details: ReplayDetails

    def _began(self, response: GetReplayResponse) -> None:
        self.details = response.details

    def __next__(self) -> ContentPiece:
        return self._next_response().piece

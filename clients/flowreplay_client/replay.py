"""All that is kept of one replay, on its way from the daemon: details, then contents in pieces."""

from collections.abc import Iterable, Iterator
from typing import Self

import grpc
from flowreplay.v1.history_pb2 import (
    ContentPiece,
    GetReplayRequest,
    GetReplayResponse,
    ReplayContent,
)

from flowreplay_client.errors import error_from, late_answer
from flowreplay_client.stream import Stream, first_response

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


class KeptReplay(Iterator[ContentPiece]):
    """The contents that were asked for, in pieces; `details` has all the rest.

    Raises ReplaydClientError; what broke off may be asked for again.
    """

    def __init__(self, call: Stream[GetReplayResponse], address: str, timeout: float) -> None:
        self._call = call
        self._address = address
        try:
            self.details = first_response(call, timeout, address).details
        except grpc.RpcError as failure:
            raise error_from(failure, address) from None
        except TimeoutError:
            raise late_answer(address) from None

    def close(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __next__(self) -> ContentPiece:
        try:
            return next(self._call).piece
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None

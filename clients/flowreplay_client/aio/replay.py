"""All that is kept of one replay: what `flowreplay_client.KeptReplay` is, for tasks."""

from collections.abc import AsyncIterator

from flowreplay.v1.history_pb2 import ContentPiece, GetReplayResponse, ReplayDetails

from flowreplay_client.aio.stream import StreamedCall


class KeptReplay(StreamedCall[GetReplayResponse], AsyncIterator[ContentPiece]):
    """The contents that were asked for, in pieces; `details` has all the rest."""

    details: ReplayDetails

    def _began(self, response: GetReplayResponse) -> None:
        self.details = response.details

    async def __anext__(self) -> ContentPiece:
        return (await self._next_response()).piece

"""Who gets the next of a few turns: the client that has fewest of them, and of those the one
that has waited longest. So nobody's many calls keep another's one call waiting behind them.
"""

import asyncio
from collections import Counter, deque


class Turns:
    """So many turns at once. Lives on one event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By client; the one that was served longest ago, or came first, is first."""

    async def take(self, client: str) -> None:
        """Waits for a turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back(client)  # It came meanwhile.
            raise

    def give_back(self, client: str) -> None:
        """Ends a turn of this client."""
        self._taken -= Counter((client,))
        self._free += 1
        self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            client = min(self._waiting, key=lambda each: self._taken[each])
            line = self._waiting.pop(client)
            turn = line.popleft()
            if line:
                self._waiting[client] = line
            if not turn.done():
                self._free -= 1
                self._taken[client] += 1
                turn.set_result(None)

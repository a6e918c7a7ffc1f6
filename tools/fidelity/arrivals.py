"""What arrived at recorders, found again by the connection that it came on."""

from collections import deque
from collections.abc import Iterable

from tests.support.recorder import Recorded, Recorder

Arrivals = dict[tuple[int, int], deque[Recorded]]
"""Requests in their order, by the ports of server and client: one client port may have
connections to two servers, and may be used again.
"""


def arrivals(recorders: Iterable[Recorder]) -> Arrivals:
    """What arrived at these recorders."""
    found: Arrivals = {}
    for recorder in recorders:
        for request in recorder.requests:
            found.setdefault((recorder.port, request.peer), deque()).append(request)
    return found


def next_request(waiting: Arrivals, server: int, client: int) -> Recorded | None:
    """Takes the first request between two ports that is left."""
    left = waiting.get((server, client))
    return left.popleft() if left else None


def next_connection(waiting: Arrivals, server: int, client: int) -> list[Recorded]:
    """Takes everything on the first connection between two ports that is left."""
    found: list[Recorded] = []
    left = waiting.get((server, client))
    while left and (not found or left[0].connection == found[0].connection):
        found.append(left.popleft())
    return found

"""What arrived at recorders, found again by the connection that it came on."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from tests.support.http2_recorder import Http2Recorded
from tests.support.recorder import Recorded

Request = TypeVar("Request", Recorded, Http2Recorded)


Arrived_co = TypeVar("Arrived_co", bound=Recorded | Http2Recorded, covariant=True)


class Server(Protocol[Arrived_co]):
    """Keeps what arrives at a port."""

    @property
    def requests(self) -> Sequence[Arrived_co]:
        """In the order of their ends."""

    port: int


Arrivals = dict[tuple[int, int], deque[Request]]
"""Requests in their order, by the ports of server and client: one client port may have
connections to two servers, and may be used again.
"""


def arrivals(recorders: Iterable[Server[Request]]) -> Arrivals[Request]:
    """What arrived at these recorders."""
    found: Arrivals[Request] = {}
    for recorder in recorders:
        for request in recorder.requests:
            found.setdefault((recorder.port, request.peer), deque()).append(request)
    return found


def next_request(waiting: Arrivals[Request], server: int, client: int) -> Request | None:
    """Takes the first request between two ports that is left."""
    left = waiting.get((server, client))
    return left.popleft() if left else None


def next_connection(waiting: Arrivals[Recorded], server: int, client: int) -> list[Recorded]:
    """Takes everything on the first connection between two ports that is left."""
    found: list[Recorded] = []
    left = waiting.get((server, client))
    while left and (not found or left[0].connection == found[0].connection):
        found.append(left.popleft())
    return found

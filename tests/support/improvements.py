"""Where replayd reads an old dump better than mitmproxy, the witness: which flows, and why."""

from collections.abc import Callable
from typing import Any

Seen = dict[str, Any]
"""A flow as the witness saw it."""

_WEBSOCKET = "Can't replay WebSocket flows."


def _handshake(seen: Seen) -> Seen:
    """The server switched to WebSocket; mitmproxy takes the flow for plain HTTP."""
    return {**seen, "refused": _WEBSOCKET}


def _own_id(flow_id: str, ended: float | None = None) -> Callable[[Seen], Seen]:
    """A flow of messages keeps its own id, and the time of its end.

    mitmproxy gives it those of its handshake: an id that repeats, and no end.
    """
    return lambda seen: {
        **seen,
        "id": flow_id,
        "websocket": {**seen["websocket"], "timestamp_end": ended},
    }


def _without_handshake(flow_id: str) -> Callable[[Seen], Seen]:
    """Another flow has the handshake already; mitmproxy makes up one without content."""

    def improve(seen: Seen) -> Seen:
        return {**seen, "id": flow_id, "refused": _WEBSOCKET, "request": None, "response": None}

    return improve


def _authority(seen: Seen) -> Seen:
    """`:authority` is the authority; mitmproxy leaves it among the fields, which it then
    refuses to send.
    """
    request = dict(seen["request"])
    [request["authority"]] = [value for name, value in request["headers"] if name == ":authority"]
    request["headers"] = [field for field in request["headers"] if field[0] != ":authority"]
    return {**seen, "request": request}


def _no_times(seen: Seen) -> Seen:
    """The response's times were not recorded; mitmproxy makes them up from the request's."""
    return {**seen, "response": {**seen["response"], "times": [None, None]}}


IMPROVEMENTS: dict[tuple[str, int], Callable[[Seen], Seen]] = {
    ("mitmproxy-dumpfile-018", 0): _no_times,
    ("mitmproxy-dumpfile-019", 0): _authority,
    ("mitmproxy-dumpfile-7-websocket", 0): _handshake,
    ("mitmproxy-dumpfile-7-websocket", 1): _own_id(
        "bb2e201b-2e25-471d-8cc7-a08f6f311e3e", 1612375503.4515302
    ),
    ("mitmproxy-dumpfile-7-websocket", 2): _without_handshake(
        "bb2e201b-2e25-471d-8cc7-a08f6f311fff"
    ),
    ("mitmproxy-dumpfile-7-websocket", 3): _handshake,
    ("mitmproxy-dumpfile-7-websocket", 4): _own_id(
        "a696268a-1093-4684-b91b-df0368737595", 1612375509.1622932
    ),
    ("mitmproxy-dumpfile-7-websocket", 5): _handshake,
    ("rec-mitmproxy-1.0.2-mixb", 12): _handshake,
    ("rec-mitmproxy-1.0.2-mixb", 13): _handshake,
    ("rec-mitmproxy-4.0.4-mixb", 9): _authority,
    ("rec-mitmproxy-4.0.4-mixb", 10): _authority,
    ("rec-mitmproxy-4.0.4-mixb", 11): _authority,
    ("rec-mitmproxy-4.0.4-mixb", 12): _handshake,
    ("rec-mitmproxy-4.0.4-mixb", 13): _own_id("5aa97a60-8c72-4e1b-8195-d2de8897ab62"),
    ("rec-mitmproxy-4.0.4-mixb", 14): _handshake,
    ("rec-mitmproxy-4.0.4-mixb", 15): _own_id("fb9ac13d-4a00-49ad-99b9-53fba699d6a9"),
}
"""By capture and index."""


def improved(name: str, index: int, seen: Seen) -> Seen:
    """What replayd has to read for what the witness saw.

    It replays a WebSocket whose messages are there, and mitmproxy sends none.
    """
    if seen.get("websocket") and seen["refused"] == _WEBSOCKET:
        seen = {name: value for name, value in seen.items() if name != "sent"}
        seen["refused"] = None
    improve = IMPROVEMENTS.get((name, index))
    return seen if improve is None else improve(seen)

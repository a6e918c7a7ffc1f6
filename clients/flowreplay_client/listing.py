"""Which replays to list. Pure."""

from collections.abc import Iterable
from typing import TypedDict

from flowreplay.v1.event_pb2 import ReplayState
from flowreplay.v1.history_pb2 import ListReplaysRequest

_PREFIX = "REPLAY_STATE_"


class ListSettings(TypedDict, total=False):
    """Which replays to list; what is left out means all."""

    batch_id: str
    """Only this batch."""
    states: Iterable[str]
    """Only those in these states, such as `failed`."""
    parked: bool
    """Only those that were interrupted and not resolved."""
    filter: str
    """Only those that this filter expression finds, in mitmproxy's notation."""
    page_size: int
    """How many the daemon sends at once, up to 1,000; 0: as many as it likes."""


def state_names() -> list[str]:
    """Returns the names of the states that this client knows."""
    names = (name.removeprefix(_PREFIX).lower() for name in ReplayState.keys())  # noqa: SIM118
    return [name for name in names if name != "unspecified"]


def list_request(settings: ListSettings) -> ListReplaysRequest:
    """Builds the request for the first page; raises ValueError for a state that there is not."""
    return ListReplaysRequest(
        batch_id=settings.get("batch_id", ""),
        states=[state_number(name) for name in settings.get("states", ())],
        parked=settings.get("parked", False),
        page_size=settings.get("page_size", 0),
        filter=settings.get("filter", ""),
    )


def state_number(name: str) -> ReplayState.ValueType:
    """Returns the contract's value for a state; raises ValueError for one that there is not."""
    if name not in state_names():
        raise ValueError(f"{name!r} is not a state; use {', '.join(state_names())}")
    return ReplayState.Value(_PREFIX + name.upper())

"""What every exchange of the replay thread shares: means, and whom it tells. Plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from replayd.journal.interface import Body, Journal
from replayd.model.outcome import Outcome
from replayd.model.plan import Plan
from replayd.replay.budget import Budget
from replayd.replay.clock import Clock
from replayd.replay.recorder import Recorder
from replayd.wire.client import Wire

if TYPE_CHECKING:
    from replayd.replay.exchange import Exchange
    from replayd.replay.hooked import Hooking
    from replayd.replay.plain import PlainExchange


class Learns(Protocol):
    """See `Surroundings.learns`."""

    def __call__(
        self, exchange: Exchange, outcome: Outcome, body: Body | None, *, at_once: bool
    ) -> bool:
        """Takes what it gave."""


class Surroundings(NamedTuple):
    """What every exchange of the thread shares."""

    wire: Wire
    journal: Journal
    recorder: Recorder
    clock: Clock
    budget: Budget
    announce: Callable[[int], None]
    """A deadline was set (`Deadlines.announce`)."""
    handed_over: Callable[[Exchange], None]
    """An exchange goes on with what was plain so far."""
    ended: Callable[[Exchange | PlainExchange], None]
    """The exchange is over and recorded."""
    learns: Learns
    """A response came to a replay of a batch with live values; True: the exchange waits until it
    was looked through, unless all has to be done `at_once`."""
    is_as_recorded: Callable[[Plan, Outcome], bool]
    """Whether a complete response is known to be equal to the recorded one; the outcome says so
    then."""
    compares: Callable[[Exchange, Outcome], bool]
    """Compares a response with the recorded one; True: the exchange waits for that."""
    compares_again: Callable[[Exchange, Outcome, Body | None, Outcome], None]
    """Compares one once more, beside the answer to the same request."""
    hooking: Hooking | None = None
    """Asks hooks; None: there are none."""

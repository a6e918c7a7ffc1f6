"""Responses beside the recorded ones, on the replay thread: an equal one is told at once, by the
digest in its plan; any other is compared elsewhere, and its exchange waits for that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from replayd.codec.comparison import answer_message
from replayd.comparing.digests import LARGEST, digest_of
from replayd.model.outcome import Outcome, ToldComparison
from replayd.model.plan import Plan

if TYPE_CHECKING:
    from replayd.comparer.comparer import Comparer
    from replayd.comparer.process import Compared, Side
    from replayd.journal.interface import Body
    from replayd.replay.exchange import Exchange

EQUAL = ToldComparison(b"\x08\x01", b"\x08\x01")
"""An encoded `flowreplay.v1.Comparison` with nothing but its result."""


class Comparisons:
    """Compares for all exchanges of the thread."""

    def __init__(
        self,
        key: bytes,
        comparer: Callable[[], Comparer],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """`comparer` is called for each that has to be compared elsewhere; `post` has something
        called on the replay thread, from any other.
        """
        self._key = key
        self._comparer = comparer
        self._post = post

    def compares(self, exchange: Exchange, outcome: Outcome) -> bool:
        """Compares a complete response; True: the exchange is told later what came of it
        (`Exchange.hear_comparison`).
        """
        if outcome.head is None or outcome.websocket is not None:
            return False
        if outcome.hooked is not None and outcome.hooked.answering:
            # A hook's own answer is no server's.
            return False
        if self.is_as_recorded(exchange.plan, outcome):
            return False
        exchange.part()
        self._ask(exchange, outcome, exchange.body, None)
        return True

    def is_as_recorded(self, plan: Plan, outcome: Outcome) -> bool:
        """Whether a complete response is known to be equal; the outcome says so then."""
        head = outcome.head
        if head is None or outcome.content_size > LARGEST or outcome.trailers:
            return False
        digest = digest_of(self._key, head.status_code, head.headers, outcome.content_prefix)
        if digest != plan.recorded_digest:
            return False
        outcome.comparison = EQUAL
        return True

    def compares_again(
        self, exchange: Exchange, first: Outcome, body: Body | None, again: Outcome
    ) -> None:
        """Compares the first response to a request that was sent once more; the exchange is told
        later.
        """
        exchange.part()
        self._ask(exchange, first, body, _side(again, exchange.body))

    def _ask(
        self, exchange: Exchange, outcome: Outcome, body: Body | None, again: Side | None
    ) -> None:
        # Only who has something to compare loads what does.
        from replayd.comparer.comparer import Asked  # noqa: PLC0415

        def done(compared: Compared) -> None:
            self._post(partial(exchange.hear_comparison, compared))

        side = _side(outcome, body)
        self._comparer().ask(Asked(exchange.replay.key, side, done, again))


def _side(outcome: Outcome, body: Body | None) -> Side:
    from replayd.comparer.process import Side  # noqa: PLC0415

    assert outcome.head is not None
    head = answer_message(outcome.head, outcome.trailers)
    return Side(head, tuple if body is None else body.pieces)

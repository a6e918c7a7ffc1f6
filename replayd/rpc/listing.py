"""A page of ListReplays: from the journal, some replays at a time, for a thread.

A page token says how far the pages before have looked, and what they were asked for.
"""

import hashlib
import time

from flowreplay.v1 import event_pb2, history_pb2, plan_pb2

from replayd.errors import FieldError
from replayd.journal.interface import Journal, Past, Place, Wanted
from replayd.model.replay import ReplayState
from replayd.rpc.filtering import Found
from replayd.rpc.paging import PageTokens, page_size
from replayd.rpc.shown import Shown

_PAGE_BYTES = 1 << 20
"""A page with as much is not made longer: a URL may be large."""

_PAGE_SECONDS = 1.0
"""How long one call looks for what is rare; the next one goes on there."""

_PAUSE = 50e-6
"""Seconds in which other threads get the interpreter after each step."""

_TOKENS = PageTokens(">Qq8s", "ListReplays", "replays")
_KNOWN = frozenset(ReplayState)


class Listing:
    """One page."""

    def __init__(
        self,
        journal: Journal,
        shown: Shown,
        request: history_pb2.ListReplaysRequest,
        found: Found = list,
    ) -> None:
        """`found` picks those that the request's filter finds. Raises ReplaydError
        INVALID_OPTIONS.
        """
        self._journal = journal
        self._shown = shown
        self._limit = page_size(request.page_size)
        self._wanted = Wanted(request.batch_id, _states(request), request.parked)
        self._found = found
        self._asked = _digest(self._wanted, request.filter)
        self._place = self._start(request.page_token)
        self._more = True

    def page(self) -> list[history_pb2.Replay]:
        """Returns the page's replays, in order. Raises ReplaydError as `Journal.replays` does."""
        found: list[history_pb2.Replay] = []
        size = 0
        until = time.monotonic() + _PAGE_SECONDS
        while self._more and len(found) < self._limit and size < _PAGE_BYTES:
            if time.monotonic() > until:
                break
            step = self._journal.replays(self._place, self._wanted, self._limit - len(found))
            self._place, self._more = step.place, step.more
            messages = [replay_message(past, self._shown) for past in self._found(step.replays)]
            found += messages
            size += sum(message.ByteSize() for message in messages)
            time.sleep(_PAUSE)
        return found

    @property
    def next_page_token(self) -> str:
        """Where the next page begins; empty: there is none."""
        if not self._more:
            return ""
        return _TOKENS.token(self._place.position, self._place.flow_index, self._asked)

    def _start(self, page_token: str) -> Place:
        if not page_token:
            return Place()
        return Place(*_TOKENS.place(page_token, self._asked))


def replay_message(past: Past, shown: Shown) -> history_pb2.Replay:
    """Converts what is kept of a replay to what everybody may see."""
    key = past.key
    plan = plan_pb2.Plan.FromString(past.plan)
    message = history_pb2.Replay(
        replay_id=key.replay_id,
        batch_id=key.batch_id,
        flow_index=key.flow_index,
        flow_id=plan.flow_id,
        state=event_pb2.ReplayState.ValueType(past.state.value),
        attempt=past.attempt,
        method=plan.method,
        # One of before there was redaction has all of it.
        url=shown.redactor.url(plan.url),
        recorded_status_code=plan.recorded_status_code,
        resends_replay_id=plan.resends_replay_id,
    )
    if past.resolution is not None:
        message.resolution = event_pb2.Resolution.ValueType(past.resolution.value)
    if past.resent_as:
        message.resent_replay_id = key._replace(batch_id=past.resent_as).replay_id
    if past.awaited is not None:
        message.awaited_replay_id = past.awaited.replay_id
    if past.event:
        event = event_pb2.Event.FromString(past.event)
        shown.redact(event)
        _fill_end(message, event)
    return message


def _fill_end(message: history_pb2.Replay, event: event_pb2.Event) -> None:
    message.end_time.CopyFrom(event.record_time)
    message.end_sequence = event.sequence
    if event.HasField("error"):
        message.reason = event.error.reason
        message.message = event.error.message
        message.status_code = event.error.head.status_code
    else:
        message.status_code = event.response.head.status_code


def _states(request: history_pb2.ListReplaysRequest) -> frozenset[ReplayState]:
    unknown = set(request.states) - _KNOWN
    if unknown:
        raise FieldError("states", f"has the unknown value {min(unknown)}")
    return frozenset(map(ReplayState, request.states))


def _digest(wanted: Wanted, filter_text: str) -> bytes:
    """Tells requests apart; nobody gains from making two look the same."""
    text = repr((wanted.batch_id, sorted(wanted.states), wanted.parked, filter_text))
    return hashlib.blake2b(text.encode(), digest_size=8).digest()

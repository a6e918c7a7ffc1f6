"""Diff: the responses of a batch beside the recorded ones, from the journal, one at a time.

Synchronous, for a thread. What was found equal when it came is not compared again, unless more
is looked at now; everything else is, by the rules of its batch and those of the call.
"""

import time
from collections.abc import Iterator, Sequence

from flowreplay.v1 import comparison_pb2, event_pb2, flow_pb2, history_pb2, replay_pb2

from replayd.codec.flow import decode_flow
from replayd.comparer.comparer import rules_of
from replayd.comparer.past import recorded_side, replayed_side
from replayd.comparer.process import ComparerProcess, ComparerSettings, LimitError, undecided
from replayd.errors import FieldError, ReplaydError
from replayd.intake.options import check_ignored
from replayd.journal.interface import Journal, Past
from replayd.model.replay import OUTCOMES, ReplayKey, ReplayState
from replayd.reasons import Reason
from replayd.rpc.replay_ids import replay_keys
from replayd.rpc.shown import Shown

DIFFERENCES = 100
MAX_DIFFERENCES = 1000
"""Differences of a replay that are told one by one, and at most."""

MAX_REPLAYS = 1000
"""Replays that one call may name."""

_STEP = 64
"""How many replays are read at once."""

_PAUSE = 50e-6
"""Seconds in which other threads get the interpreter after each replay."""


class Diff:
    """One Diff. `steps` may be iterated once; `close` it whatever becomes of it."""

    def __init__(
        self,
        journal: Journal,
        shown: Shown,
        request: history_pb2.DiffRequest,
        settings: ComparerSettings,
    ) -> None:
        """Raises ReplaydError INVALID_OPTIONS, REPLAY_NOT_FOUND."""
        self._journal = journal
        self._shown = shown
        self._request = request
        self._keys = _checked(request)
        self._process = ComparerProcess(settings)
        self._rules = history_pb2.DiffRequest()
        self._looks_at_more = False
        self.compared = 0
        """Replays that were compared so far."""
        self.different = 0
        """Those of them that differ."""
        self.left_out = 0
        """Those that could not be."""

    def steps(self) -> Iterator[list[history_pb2.ReplayDiff]]:
        """Yields what is to be told of each replay: itself, or nothing.

        Raises ReplaydError: BATCH_NOT_FOUND, REPLAY_NOT_FOUND, SEQUENCE_COMPACTED where the
        event that ended one is gone, or (JournalError) where one is damaged.
        """
        encoded = self._journal.options(self._request.batch_id)
        options = replay_pb2.EnqueueOptions.FromString(encoded)
        limit = self._request.difference_limit or DIFFERENCES
        self._rules = rules_of(options, limit=limit)
        self._rules.ignored_differences.extend(self._request.ignored_differences)
        self._rules.compare_volatile |= self._request.compare_volatile
        self._looks_at_more = self._request.compare_volatile and not options.compare_volatile
        for past in self._past():
            told = self._told(past)
            yield [] if told is None else [told]
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Ends the comparing process."""
        self._process.close()

    def _past(self) -> Iterator[Past]:
        if self._keys:
            for key in self._keys:
                yield self._named(key)
            return
        after = -1
        while page := self._journal.history(self._request.batch_id, after, _STEP):
            yield from page
            after = page[-1].key.slot

    def _named(self, key: ReplayKey) -> Past:
        found = self._journal.history(key.batch_id, key.slot - 1, 1)
        if not found or found[0].key != key:
            raise _not_found(key.replay_id)
        return found[0]

    def _told(self, past: Past) -> history_pb2.ReplayDiff | None:
        if not past.event and past.state in OUTCOMES - {ReplayState.CLEARED}:
            raise ReplaydError(
                Reason.SEQUENCE_COMPACTED,
                f"the event that ended replay {past.key.replay_id} was removed by retention, so "
                "its response can't be compared any more",
                replay_id=past.key.replay_id,
            )
        comparison = self._comparison(past)
        if comparison is None:
            self.left_out += 1
            return None
        self.compared += comparison.result != comparison_pb2.COMPARISON_RESULT_UNDECIDED
        self.different += comparison.result == comparison_pb2.COMPARISON_RESULT_DIFFERENT
        equal = comparison.result == comparison_pb2.COMPARISON_RESULT_EQUAL
        if equal and not self._request.include_equal:
            return None
        return self._message(past, comparison)

    def _comparison(self, past: Past) -> comparison_pb2.Comparison | None:
        replayed = replayed_side(self._journal, past)
        if replayed is None:
            return None
        stored = event_pb2.Event.FromString(past.event).response.comparison
        equal = stored.result == comparison_pb2.COMPARISON_RESULT_EQUAL
        if equal and not self._looks_at_more:
            return stored
        recorded = recorded_side(self._journal, past)
        if recorded is None:
            return None
        rules = self._rules
        if stored.learnt_rules:
            rules = history_pb2.DiffRequest()
            rules.CopyFrom(self._rules)
            rules.ignored_differences.extend(stored.learnt_rules)
        try:
            compared = self._process.compare(rules, recorded, replayed)
        except LimitError as error:
            compared = undecided(str(error))
        reveal = self._request.reveal_secrets
        comparison = comparison_pb2.Comparison.FromString(
            compared.whole if reveal else compared.shown
        )
        comparison.sent_twice = stored.sent_twice
        comparison.learnt_rules.extend(stored.learnt_rules)
        return comparison

    def _message(self, past: Past, comparison: comparison_pb2.Comparison) -> history_pb2.ReplayDiff:
        event = event_pb2.Event.FromString(past.event)
        self._shown.redact(event)
        response = event.response
        url = response.url
        if self._request.reveal_secrets:
            # Imported here: few ask for secrets.
            from replayd.planning.plan import url_of  # noqa: PLC0415

            url = url_of(decode_flow(flow_pb2.Flow.FromString(past.flow), b"", b""))
        return history_pb2.ReplayDiff(
            replay_id=past.key.replay_id,
            flow_index=past.key.flow_index,
            flow_id=response.flow_id,
            method=response.method,
            url=url,
            recorded_status_code=response.recorded_status_code,
            status_code=response.head.status_code,
            comparison=comparison,
        )


def _checked(request: history_pb2.DiffRequest) -> Sequence[ReplayKey]:
    """Returns the replays that are named, in the order of the batch."""
    if not request.batch_id:
        raise FieldError("batch_id", "is empty; name the batch, as Enqueue's answer does")
    if not 0 <= request.difference_limit <= MAX_DIFFERENCES:
        raise FieldError("difference_limit", f"has to be from 0 to {MAX_DIFFERENCES}")
    if len(request.replay_ids) > MAX_REPLAYS:
        raise FieldError("replay_ids", f"may name at most {MAX_REPLAYS} replays")
    check_ignored(request.ignored_differences)
    keys = replay_keys(request.replay_ids)
    for key in keys:
        if key.batch_id != request.batch_id:
            raise _not_found(key.replay_id)
    return sorted(set(keys))


def _not_found(replay_id: str) -> ReplaydError:
    return ReplaydError(
        Reason.REPLAY_NOT_FOUND, f"the batch has no replay {replay_id!r}", replay_id=replay_id
    )

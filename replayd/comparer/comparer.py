"""The replay thread's comparisons, and the answers that take long to be looked through for live
values: threads of their own read the recorded responses and feed the comparing processes, so that
nobody else waits for a disk or a pipe.

There are two: what takes longer than others should wait is given up, and begun anew in the slow
one, where all else of its batch goes from then on.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowreplay.v1 import comparison_pb2, history_pb2, replay_pb2

from replayd.comparer.lane import Lane
from replayd.comparer.past import recorded_side
from replayd.comparer.process import (
    IN_EVENTS,
    LEARNT,
    Compared,
    ComparerProcess,
    ComparerSettings,
    LimitError,
    Side,
    undecided,
)
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import ReplayKey
from replayd.workers.slow import SlowOnes

QUICK_SECONDS = 0.5
"""Processor time of one for which others wait; two contents of a MiB take less."""

_SLOW_BATCHES = 1000
"""How many batches are known to be slow."""

_logger = logging.getLogger(__name__)


class Asked(NamedTuple):
    """A comparison that is wanted."""

    key: ReplayKey
    replayed: Side
    done: Callable[[Compared], None]
    """Called with what it came to, on a thread of the comparer."""
    again: Side | None = None
    """What the same request was answered when it was sent once more: what differs there is left
    out."""


class Look(NamedTuple):
    """An answer that is to be looked through for live values."""

    key: ReplayKey
    sources: Sequence[str]
    head: bytes
    """An encoded `flowreplay.v1.Response` without its content."""
    content: bytes
    """Unpacked."""
    done: Callable[[list[list[bytes]] | None], None]
    """Called with what it has at each source, on a thread of the comparer; None: that can't be
    found out."""


class Comparer:
    """Compares what comes with what was recorded, and looks it through."""

    def __init__(self, journal: Journal, settings: ComparerSettings) -> None:
        self._journal = journal
        quick = settings._replace(cpu_seconds=QUICK_SECONDS)
        self._quick: Lane[Asked | Look] = Lane("comparer", quick, self._ask_quickly)
        self._slow: Lane[Asked | Look] = Lane("slow-comparer", settings, self._ask)
        self._slow_batches = SlowOnes(_SLOW_BATCHES)
        self._options: tuple[str, replay_pb2.EnqueueOptions] | None = None

    def ask(self, asked: Asked | Look) -> None:
        """Has a comparison made, or an answer looked through; `done` hears of it, unless `close`
        comes before. Returns at once. The content has to stay as it is until then.
        """
        slow = asked.key.batch_id in self._slow_batches
        (self._slow if slow else self._quick).put(asked)

    def close(self) -> None:
        """Ends the processes; what was not done yet never is."""
        self._quick.close()
        self._slow.close()

    def _ask_quickly(self, asked: Asked | Look, process: ComparerProcess) -> None:
        try:
            self._answer(asked, process)
        except LimitError:
            self._slow_batches.add(asked.key.batch_id)
            self._slow.put(asked)

    def _ask(self, asked: Asked | Look, process: ComparerProcess) -> None:
        try:
            self._answer(asked, process)
        except LimitError as error:
            if isinstance(asked, Look):
                asked.done(None)
            else:
                asked.done(undecided(str(error)))

    def _answer(self, asked: Asked | Look, process: ComparerProcess) -> None:
        if isinstance(asked, Asked):
            asked.done(self._compared(asked, process))
            return
        found = None
        try:
            found = process.look(asked.sources, asked.head, asked.content)
        except LimitError:
            raise
        except Exception:
            name = asked.key.replay_id
            _logger.exception("the answer to replay %s can't be looked through", name)
        asked.done(found)

    def _compared(self, asked: Asked, process: ComparerProcess) -> Compared:
        try:
            return self._compare(asked, process)
        except LimitError:
            raise
        except (ReplaydError, OSError) as error:
            return undecided(f"the recorded response can't be read: {error}")
        except Exception as error:
            _logger.exception("replay %s can't be compared", asked.key.replay_id)
            return undecided(
                f"comparing failed ({type(error).__name__}); the daemon's log has more"
            )

    def _compare(self, asked: Asked, process: ComparerProcess) -> Compared:
        options = self._options_of(asked.key.batch_id)
        rules = rules_of(options, limit=IN_EVENTS)
        if asked.again is not None:
            return self._compare_again(asked, asked.again, rules, process)
        compared = self._beside_recorded(asked, rules, process)
        # Without a difference there is nothing that could be noise.
        return compared._replace(learn=options.learn_noise and bool(compared.noise))

    def _compare_again(
        self, asked: Asked, again: Side, rules: history_pb2.DiffRequest, process: ComparerProcess
    ) -> Compared:
        """Learns what varies, then compares without it."""
        varied = history_pb2.DiffRequest()
        varied.CopyFrom(rules)
        varied.difference_limit = LEARNT + 1
        learnt = process.compare(varied, again, asked.replayed).noise
        if len(learnt) > LEARNT:
            fields = [rule for rule in learnt if rule.startswith("header:")]
            learnt = ("body", *fields)[:LEARNT]
        rules.ignored_differences.extend(learnt)
        compared = self._beside_recorded(asked, rules, process)
        # Fields of a message may stand in any order: these are added to it.
        learning = comparison_pb2.Comparison(sent_twice=True, learnt_rules=learnt)
        added = learning.SerializeToString()
        return Compared(compared.shown + added, compared.whole + added, learnt)

    def _beside_recorded(
        self, asked: Asked, rules: history_pb2.DiffRequest, process: ComparerProcess
    ) -> Compared:
        key = asked.key
        (past,) = self._journal.history(key.batch_id, key.slot - 1, 1)
        recorded = recorded_side(self._journal, past)
        assert recorded is not None, "its plan has a digest of it"
        return process.compare(rules, recorded, asked.replayed)

    def _options_of(self, batch_id: str) -> replay_pb2.EnqueueOptions:
        known = self._options
        if known is None or known[0] != batch_id:
            encoded = self._journal.options(batch_id)
            known = self._options = (batch_id, replay_pb2.EnqueueOptions.FromString(encoded))
        return known[1]


def rules_of(options: replay_pb2.EnqueueOptions, *, limit: int) -> history_pb2.DiffRequest:
    """Returns what the options of a batch say of comparisons."""
    return history_pb2.DiffRequest(
        ignored_differences=options.ignored_differences,
        compare_volatile=options.compare_volatile,
        difference_limit=limit,
    )

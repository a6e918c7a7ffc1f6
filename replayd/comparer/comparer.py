"""The replay thread's comparisons: a thread of their own reads the recorded responses and feeds
the comparing process, so that nobody else waits for a disk or a pipe.
"""

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import NamedTuple

from flowreplay.v1 import comparison_pb2, history_pb2, replay_pb2

from replayd.comparer.past import recorded_side
from replayd.comparer.process import (
    IN_EVENTS,
    LEARNT,
    Compared,
    ComparerProcess,
    ComparerSettings,
    Side,
    undecided,
)
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.model.replay import ReplayKey

IDLE_SECONDS = 30.0
"""How long a process that has nothing to do is kept."""

_logger = logging.getLogger(__name__)


class Asked(NamedTuple):
    """A comparison that is wanted."""

    key: ReplayKey
    replayed: Side
    done: Callable[[Compared], None]
    """Called with what it came to, on the comparer's thread."""
    again: Side | None = None
    """What the same request was answered when it was sent once more: what differs there is left
    out."""


class Comparer:
    """Compares what comes with what was recorded."""

    def __init__(self, journal: Journal, settings: ComparerSettings) -> None:
        self._journal = journal
        self._process = ComparerProcess(settings)
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="comparer", daemon=True)
        self._options: tuple[str, replay_pb2.EnqueueOptions] | None = None
        self._thread.start()

    def compare(self, asked: Asked) -> None:
        """Has a comparison made; `done` hears of it, unless `close` comes before. Returns at
        once. The content has to stay as it is until then.
        """
        self._queue.put(asked)

    def close(self) -> None:
        """Ends the process; what was not compared yet never is."""
        self._queue.put(None)

    def _run(self) -> None:
        while True:
            try:
                asked = self._queue.get(timeout=IDLE_SECONDS)
            except Empty:
                self._process.close()
                continue
            if asked is None:
                break
            asked.done(self._compared(asked))
        self._process.close()

    def _compared(self, asked: Asked) -> Compared:
        try:
            return self._compare(asked)
        except (ReplaydError, OSError) as error:
            return undecided(f"the recorded response can't be read: {error}")
        except Exception as error:
            _logger.exception("replay %s can't be compared", asked.key.replay_id)
            return undecided(
                f"comparing failed ({type(error).__name__}); the daemon's log has more"
            )

    def _compare(self, asked: Asked) -> Compared:
        options = self._options_of(asked.key.batch_id)
        rules = rules_of(options, limit=IN_EVENTS)
        if asked.again is not None:
            return self._compare_again(asked, asked.again, rules)
        compared = self._beside_recorded(asked, rules)
        # Without a difference there is nothing that could be noise.
        return compared._replace(learn=options.learn_noise and bool(compared.noise))

    def _compare_again(self, asked: Asked, again: Side, rules: history_pb2.DiffRequest) -> Compared:
        """Learns what varies, then compares without it."""
        varied = history_pb2.DiffRequest()
        varied.CopyFrom(rules)
        varied.difference_limit = LEARNT + 1
        learnt = self._process.compare(varied, again, asked.replayed).noise
        if len(learnt) > LEARNT:
            fields = [rule for rule in learnt if rule.startswith("header:")]
            learnt = ("body", *fields)[:LEARNT]
        rules.ignored_differences.extend(learnt)
        compared = self._beside_recorded(asked, rules)
        # Fields of a message may stand in any order: these are added to it.
        learning = comparison_pb2.Comparison(sent_twice=True, learnt_rules=learnt)
        added = learning.SerializeToString()
        return Compared(compared.shown + added, compared.whole + added, learnt)

    def _beside_recorded(self, asked: Asked, rules: history_pb2.DiffRequest) -> Compared:
        key = asked.key
        (past,) = self._journal.history(key.batch_id, key.slot - 1, 1)
        recorded = recorded_side(self._journal, past)
        assert recorded is not None, "its plan has a digest of it"
        return self._process.compare(rules, recorded, asked.replayed)

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

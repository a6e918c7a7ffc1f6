"""Bugs that a daemon might have, to be put in on purpose: chaos has to find each of them.

What finds nothing proves nothing until it has been seen to find. Each bug breaks one promise,
and names the kinds of findings by which it is told.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from replayd.model.replay import ReplayState
from tools.chaos import mistakes
from tools.chaos.caller import USUAL, Habits
from tools.chaos.mistakes import Method
from tools.chaos.wrapping import Place, replace

_ENQUEUES = ("replayd.journal.enqueues", "Enqueues")
_LEDGER = ("replayd.journal.ledger", "Ledger")
_RUNS = ("replayd.journal.runs", "Runs")
_SCHEDULE = ("replayd.journal.schedule", "Schedule")
_STORE = ("replayd.journal.sqlite.store", "SqliteStore")
_WATCHERS = ("replayd.rpc.watch", "Watchers")
_RECOVERY = "replayd.journal.recovery"


class Bug(NamedTuple):
    """One of them."""

    place: Place
    make: Callable[[Method], Method]
    """Makes the wrong method of the right one."""
    kinds: frozenset[str]
    """Of findings; one of them has to be among those that it is found by."""
    habits: Habits = USUAL
    """Of clients in its control, where few meet it else."""

    def put_in(self) -> None:
        """Puts it into this process."""
        replace(self.place, self.make)


def _bug(
    place: Place,
    make: Callable[[Method], Method],
    *kinds: str,
    flows: int = USUAL.flows,
    often: str = USUAL.often,
) -> Bug:
    return Bug(place, make, frozenset(kinds), Habits(flows, often))


BUGS = {
    "an Enqueue is acknowledged before its commit": _bug(
        Place(*_ENQUEUES, "accept"), mistakes.acknowledge_early, "lost"
    ),
    "a failed commit is answered with OK": _bug(
        Place(*_ENQUEUES, "accept"), mistakes.answer_what_failed, "lost"
    ),
    "a request_id is forgotten": _bug(
        Place("replayd.journal.request_ids", "RequestIds", "reserve"),
        mistakes.always(None),
        "requests",
    ),
    "intents are not written": _bug(
        Place(*_RUNS, "begin"), mistakes.forget_intents, "post twice", "unmarked"
    ),
    "intents are written after the send": _bug(
        Place(*_RUNS, "begin"), mistakes.write_intents_late, "post twice", "unmarked"
    ),
    # A GET whose `on_interrupt` is `PARK` or `FAIL` is sent again, too, and tells it as well.
    "an interrupted POST is sent again": _bug(
        Place(_RECOVERY, "", "_next_state"),
        mistakes.always(ReplayState.QUEUED),
        "post twice",
        "attempts",
    ),
    # The daemon's own look at its journal may be quicker than chaos.
    "an interrupted POST is forgotten": _bug(
        Place("replayd.journal.journal", "", "recover"),
        mistakes.leave_interrupted,
        "outcomes",
        "unmarked",
        "daemon",
    ),
    "a repeat is not marked": _bug(
        Place(_RECOVERY, "", "_requeued_events"), mistakes.always([]), "unmarked", "attempts"
    ),
    "attempts are not counted": _bug(
        Place(_RECOVERY, "", "StoredReplay"), mistakes.count_no_attempts, "attempts"
    ),
    "a cleared flow is sent": _bug(
        Place(*_SCHEDULE, "drop"), mistakes.always(None), "cleared sent"
    ),
    # Of a batch that has not ended when it is killed, the daemon itself notices one outcome more
    # than replays; so batches are small.
    "a cancelled replay is sent": _bug(
        Place(*_SCHEDULE, "remove"),
        mistakes.always(None),
        "cleared sent",
        "daemon",
        flows=100,
        often="cancel",
    ),
    "what runs is told to be cancelled, and goes on": _bug(
        Place("replayd.rpc.cancel", "Canceller", "_kill"),
        mistakes.kill_nothing,
        "outcomes",
        often="cancel",
    ),
    "what is sent again does not name what it repeats": _bug(
        Place("replayd.journal.resending", "", "_copy"), mistakes.name_no_original, "copies"
    ),
    "a retry sends what has succeeded too": _bug(
        Place("replayd.journal.retrying", "Retrying", "ended"),
        mistakes.retry_too_much,
        "copies",
        often="retry",
    ),
    "a batch has a run too few": _bug(
        Place("replayd.journal.enqueues", "Enqueues", "_repeat"), mistakes.one_run_less, "lost"
    ),
    "a clear is not logged": _bug(
        Place("replayd.journal.control", "", "_cleared_events"),
        mistakes.always([]),
        "outcomes",
        "counts",
    ),
    "an outcome is logged twice": _bug(
        Place(*_LEDGER, "hand_over"), mistakes.end_twice, "outcomes"
    ),
    "an answer is another request's": _bug(
        Place("replayd.replay.recorder", "Recorder", "ended"), mistakes.mix_answers, "answers"
    ),
    "a session loses its order": _bug(Place(*_SCHEDULE, "add"), mistakes.swap_in_session, "order"),
    "counts drift": _bug(
        Place("replayd.journal.books", "Books", "clear"), mistakes.miscount, "counts"
    ),
    "a pause is forgotten": _bug(
        Place("replayd.journal.sqlite.writing", "Writer", "_meta"), mistakes.forget_pause, "pauses"
    ),
    "a batch's pause is forgotten": _bug(
        Place("replayd.journal.steering", "", "encode_controls"),
        mistakes.forget_that_it_is_paused,
        "steering",
        often="hold",
    ),
    "a batch's priority is forgotten": _bug(
        Place("replayd.journal.steering", "", "encode_controls"),
        mistakes.forget_the_priority,
        "steering",
        often="hold",
    ),
    "a paused batch goes on": _bug(
        Place("replayd.journal.books", "Books", "steer"),
        mistakes.steer_no_pause,
        "steering",
        often="hold",
    ),
    "a hook's decision is forgotten": _bug(
        Place("replayd.hooks.hook", "Hook", "ask"), mistakes.forget_decisions, "hooks"
    ),
    "live values are not read back": _bug(
        Place("replayd.replay.live_values", "LiveValues", "_learn_again"),
        mistakes.always(None),
        "live values",
        flows=50,
    ),
    "an event is shown before it is durable": _bug(
        Place(*_STORE, "commit"), mistakes.show_early, "rewritten", "watchers"
    ),
    "sequences are given out again": _bug(
        Place(*_STORE, "load"), mistakes.forget_events, "rewritten", "lost", "outcomes", "counts"
    ),
    "an event is left out of a page": _bug(
        Place("replayd.rpc.pages", "", "watch_answer"), mistakes.leave_one_out, "gaps", "watchers"
    ),
    "an event is rewritten": _bug(Place(*_STORE, "load"), mistakes.rewrite_an_event, "rewritten"),
    "an event is left out when a watcher resumes": _bug(
        Place(*_WATCHERS, "_start"), partial(mistakes.begin_elsewhere, by=1), "watchers"
    ),
    "an event is shown again when a watcher resumes": _bug(
        Place(*_WATCHERS, "_start"), partial(mistakes.begin_elsewhere, by=-1), "watchers"
    ),
}

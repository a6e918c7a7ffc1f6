"""Bugs that a daemon might have, to be put in on purpose: chaos has to find each of them.

What finds nothing proves nothing until it has been seen to find. Each bug breaks one promise,
and names the kinds of findings by which it is told.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from flowreplay.v1 import event_pb2

from replayd.journal.interface import Receipt
from replayd.journal.sqlite.checksum import event_checksum
from replayd.model.replay import OUTCOMES, ReplayState
from tools.chaos.wrapping import Place, replace

Method = Callable[..., Any]

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

    def put_in(self) -> None:
        """Puts it into this process."""
        replace(self.place, self.make)


class _Every:
    """True at every n-th time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._times = 0

    def __call__(self) -> bool:
        self._times += 1
        return self._times % self._number == 0


def _acknowledge_early(accept: Method) -> Method:
    def early(self: Any, batch_id: str, **named: Any) -> Receipt:
        timer = threading.Timer(0.3, accept, (self, batch_id), named)
        timer.daemon = True
        timer.start()
        return Receipt(named["answer"], self._ledger.latest)

    return early


def _answer_what_failed(accept: Method) -> Method:
    fails = _Every(4)

    def answer(self: Any, batch_id: str, **named: Any) -> Any:
        if not fails():
            return accept(self, batch_id, **named)
        self.discard(batch_id)
        return Receipt(named["answer"], self._ledger.latest)

    return answer


def _forget_intents(_: Method) -> Method:
    return lambda _self, _replays: False


def _write_intents_late(begin: Method) -> Method:
    def late(self: Any, replays: Any) -> bool:
        def write(replays: list[Any]) -> None:
            # What has ended meanwhile needs none: a daemon notices that it would be damaged.
            taken = self._ledger.taken
            with suppress(KeyError):
                running = ReplayState.RUNNING
                begin(self, [each for each in replays if taken[each.key].state is running])

        timer = threading.Timer(0.1, write, [list(replays)])
        timer.daemon = True
        timer.start()
        return False

    return late


def _show_early(commit: Method) -> Method:
    held: list[Any] = []

    def early(self: Any, change: Any) -> None:
        held.append(change)
        states = {replay.state for replay in change.replays}
        outcomes = states and states <= set(OUTCOMES)
        other = change.accepted or change.cleared or change.claims or change.paused is not None
        if other or not outcomes or len(held) > 8:
            for each in held:
                commit(self, each)
            held.clear()

    return early


def _begin_elsewhere(start: Method, *, by: int) -> Method:
    def elsewhere(self: Any, request: Any) -> int:
        after: int = start(self, request)
        if request.WhichOneof("start") != "cursor":
            return after
        latest: int = self._journal.latest
        return min(max(after + by, 0), latest)

    return elsewhere


def _end_twice(hand_over: Method) -> Method:
    twice = _Every(40)

    def again(self: Any, events: Any, finished: Any = None) -> None:
        if finished is not None and twice():
            events = [*events, events[-1]]
        hand_over(self, events, finished)

    return again


def _count_no_attempts(stored: Method) -> Method:
    def first(place: int, state: ReplayState, attempt: int, *rest: Any, **named: Any) -> Any:
        return stored(place, state, attempt - (state is ReplayState.QUEUED), *rest, **named)

    return first


def _swap_in_session(add: Method) -> Method:
    swaps = _Every(30)

    def swapped(self: Any, entry: Any) -> None:
        add(self, entry)
        waiting = self._sessions[entry.session].waiting
        if len(waiting) > 2 and swaps():
            waiting[-1], waiting[-2] = waiting[-2], waiting[-1]

    return swapped


def _miscount(clear: Method) -> Method:
    def wrong(self: Any, *arguments: Any) -> None:
        clear(self, *arguments)
        self.total.ended[ReplayState.CLEARED] -= 1
        self.total.outcomes -= 1

    return wrong


def _rewrite_an_event(load: Method) -> Method:
    def rewriting(self: Any) -> Any:
        rows = self._connection.execute(
            "SELECT sequence, kind, batch_id, body FROM event ORDER BY sequence DESC LIMIT 1"
        )
        for sequence, kind, batch_id, body in list(rows):
            event = event_pb2.Event.FromString(body)
            event.record_time.seconds += 1
            other = event.SerializeToString()
            self._connection.execute(
                "UPDATE event SET body = ?, checksum = ? WHERE sequence = ?",
                (other, event_checksum(kind, batch_id, other), sequence),
            )
        return load(self)

    return rewriting


def _forget_events(load: Method) -> Method:
    def forgetting(self: Any) -> Any:
        opened = load(self)
        self._connection.execute("DELETE FROM event WHERE sequence > ?", (opened.latest - 2,))
        return opened._replace(latest=max(opened.latest - 2, 0))

    return forgetting


def _leave_one_out(answer: Method) -> Method:
    now = _Every(3)

    def leaving(events: Any, *arguments: Any) -> Any:
        events = list(events)
        if len(events) > 1 and now():
            del events[1]
        return answer(events, *arguments)

    return leaving


def _forget_pause(meta: Method) -> Method:
    def forgetting(self: Any, change: Any) -> None:
        change.paused = None
        meta(self, change)

    return forgetting


def _leave_interrupted(recover: Method) -> Method:
    def leaving(ledger: Any, interrupted: Any, now: int) -> None:
        recover(ledger, [each for each in interrupted if each.idempotent], now)

    return leaving


def _mix_answers(ended: Method) -> Method:
    before: list[bytes] = []

    def mixed(self: Any, replay: Any, plan: Any, outcome: Any, body: Any) -> Any:
        before.append(outcome.content_prefix)
        if len(before) > 1:
            outcome.content_prefix = before.pop(0)
        return ended(self, replay, plan, outcome, body)

    return mixed


def _always(value: Any) -> Callable[[Method], Method]:
    return lambda _: lambda *_arguments, **_named: value


def _bug(place: Place, make: Callable[[Method], Method], *kinds: str) -> Bug:
    return Bug(place, make, frozenset(kinds))


BUGS = {
    "an Enqueue is acknowledged before its commit": _bug(
        Place(*_ENQUEUES, "accept"), _acknowledge_early, "lost"
    ),
    "a failed commit is answered with OK": _bug(
        Place(*_ENQUEUES, "accept"), _answer_what_failed, "lost"
    ),
    "a request_id is forgotten": _bug(
        Place("replayd.journal.request_ids", "RequestIds", "reserve"), _always(None), "requests"
    ),
    "intents are not written": _bug(
        Place(*_RUNS, "begin"), _forget_intents, "post twice", "unmarked"
    ),
    "intents are written after the send": _bug(
        Place(*_RUNS, "begin"), _write_intents_late, "post twice", "unmarked"
    ),
    "an interrupted POST is sent again": _bug(
        Place(_RECOVERY, "", "_next_state"), _always(ReplayState.QUEUED), "post twice"
    ),
    # The daemon's own look at its journal may be quicker than chaos.
    "an interrupted POST is forgotten": _bug(
        Place("replayd.journal.journal", "", "recover"), _leave_interrupted, "outcomes", "daemon"
    ),
    "a repeat is not marked": _bug(
        Place(_RECOVERY, "", "_requeued_events"), _always([]), "unmarked", "attempts"
    ),
    "attempts are not counted": _bug(
        Place(_RECOVERY, "", "StoredReplay"), _count_no_attempts, "attempts"
    ),
    "a cleared flow is sent": _bug(Place(*_SCHEDULE, "drop"), _always(None), "cleared sent"),
    "a clear is not logged": _bug(
        Place("replayd.journal.control", "", "_cleared_events"), _always([]), "outcomes", "counts"
    ),
    "an outcome is logged twice": _bug(Place(*_LEDGER, "hand_over"), _end_twice, "outcomes"),
    "an answer is another request's": _bug(
        Place("replayd.replay.recorder", "Recorder", "ended"), _mix_answers, "answers"
    ),
    "a session loses its order": _bug(Place(*_SCHEDULE, "add"), _swap_in_session, "order"),
    "counts drift": _bug(Place("replayd.journal.books", "Books", "clear"), _miscount, "counts"),
    "a pause is forgotten": _bug(
        Place("replayd.journal.sqlite.writing", "Writer", "_meta"), _forget_pause, "pauses"
    ),
    "an event is shown before it is durable": _bug(
        Place(*_STORE, "commit"), _show_early, "rewritten"
    ),
    "sequences are given out again": _bug(
        Place(*_STORE, "load"), _forget_events, "rewritten", "lost"
    ),
    "an event is left out of a page": _bug(
        Place("replayd.rpc.pages", "", "watch_answer"), _leave_one_out, "gaps", "watchers"
    ),
    "an event is rewritten": _bug(Place(*_STORE, "load"), _rewrite_an_event, "rewritten"),
    "an event is left out when a watcher resumes": _bug(
        Place(*_WATCHERS, "_start"), partial(_begin_elsewhere, by=1), "watchers"
    ),
    "an event is shown again when a watcher resumes": _bug(
        Place(*_WATCHERS, "_start"), partial(_begin_elsewhere, by=-1), "watchers"
    ),
}

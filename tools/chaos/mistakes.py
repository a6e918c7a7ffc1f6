"""Methods of the daemon as they must not be: each makes a wrong one of the right one.

Which of them goes where, and how it is found, is said in `bugs`.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flowreplay.v1 import event_pb2

from replayd.codec.plan import decode_plan, encode_plan
from replayd.hooks.words import Proceed
from replayd.journal.interface import Receipt
from replayd.journal.sqlite.checksum import event_checksum
from replayd.model.replay import OUTCOMES, ReplayState

Method = Callable[..., Any]


class _Every:
    """True at every n-th time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._times = 0

    def __call__(self) -> bool:
        self._times += 1
        return self._times % self._number == 0


def acknowledge_early(accept: Method) -> Method:
    """Answers an Enqueue before its commit, which follows."""

    def early(self: Any, batch_id: str, **named: Any) -> Receipt:
        timer = threading.Timer(0.3, accept, (self, batch_id), named)
        timer.daemon = True
        timer.start()
        return Receipt(named["answer"], self._ledger.latest)

    return early


def answer_what_failed(accept: Method) -> Method:
    """Answers every fourth Enqueue that nothing was stored of."""
    fails = _Every(4)

    def answer(self: Any, batch_id: str, **named: Any) -> Any:
        if not fails():
            return accept(self, batch_id, **named)
        self.discard(batch_id)
        return Receipt(named["answer"], self._ledger.latest)

    return answer


def forget_intents(_: Method) -> Method:
    """Writes none."""
    return lambda _self, _replays: False


def write_intents_late(begin: Method) -> Method:
    """Writes them once the requests have left."""

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


def show_early(commit: Method) -> Method:
    """Shows outcomes some commits before they are durable."""
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


def begin_elsewhere(start: Method, *, by: int) -> Method:
    """Lets watchers that resume begin so many events further on."""

    def elsewhere(self: Any, request: Any) -> int:
        after: int = start(self, request)
        if request.WhichOneof("start") != "cursor":
            return after
        latest: int = self._journal.latest
        return min(max(after + by, 0), latest)

    return elsewhere


def end_twice(hand_over: Method) -> Method:
    """Logs every fortieth outcome twice."""
    twice = _Every(40)

    def again(self: Any, events: Any, finished: Any = None) -> None:
        if finished is not None and twice():
            events = [*events, events[-1]]
        hand_over(self, events, finished)

    return again


def count_no_attempts(stored: Method) -> Method:
    """Queues interrupted replays again as the same attempt."""

    def first(place: int, state: ReplayState, attempt: int, *rest: Any, **named: Any) -> Any:
        return stored(place, state, attempt - (state is ReplayState.QUEUED), *rest, **named)

    return first


def swap_in_session(add: Method) -> Method:
    """Swaps two replays of a session now and then."""
    swaps = _Every(30)

    def swapped(self: Any, entry: Any) -> None:
        add(self, entry)
        waiting = self._sessions[entry.session].waiting
        if len(waiting) > 2 and swaps():
            waiting[-1], waiting[-2] = waiting[-2], waiting[-1]

    return swapped


def miscount(clear: Method) -> Method:
    """Counts one too few as cleared."""

    def wrong(self: Any, *arguments: Any) -> None:
        clear(self, *arguments)
        self.total.ended[ReplayState.CLEARED] -= 1
        self.total.outcomes -= 1

    return wrong


def rewrite_an_event(load: Method) -> Method:
    """Changes the time of the last event at each start."""

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


def forget_events(load: Method) -> Method:
    """Forgets the last two events at each start."""

    def forgetting(self: Any) -> Any:
        opened = load(self)
        self._connection.execute("DELETE FROM event WHERE sequence > ?", (opened.latest - 2,))
        return opened._replace(latest=max(opened.latest - 2, 0))

    return forgetting


def leave_one_out(answer: Method) -> Method:
    """Leaves an event out of every third page."""
    now = _Every(3)

    def leaving(events: Any, *arguments: Any) -> Any:
        events = list(events)
        if len(events) > 1 and now():
            del events[1]
        return answer(events, *arguments)

    return leaving


def forget_pause(meta: Method) -> Method:
    """Does not store whether the queue is paused."""

    def forgetting(self: Any, change: Any) -> None:
        change.paused = None
        meta(self, change)

    return forgetting


def leave_interrupted(recover: Method) -> Method:
    """Settles only what is idempotent of what was interrupted."""

    def leaving(ledger: Any, interrupted: Any, now: int) -> None:
        recover(ledger, [each for each in interrupted if each.idempotent], now)

    return leaving


def mix_answers(ended: Method) -> Method:
    """Tells each answer as that of the next request."""
    before: list[bytes] = []

    def mixed(self: Any, replay: Any, plan: Any, outcome: Any, body: Any) -> Any:
        before.append(outcome.content_prefix)
        if len(before) > 1:
            outcome.content_prefix = before.pop(0)
        return ended(self, replay, plan, outcome, body)

    return mixed


def kill_nothing(_: Method) -> Method:
    """Tells that all of them were killed."""

    async def told(_self: Any, keys: Any) -> Any:
        return keys

    return told


def name_no_original(copy: Method) -> Method:
    """Copies replays without a word of that."""

    def nameless(*arguments: Any) -> Any:
        row = copy(*arguments)
        plan = decode_plan(row.plan)._replace(resends_replay_id="")
        return row._replace(plan=encode_plan(plan))

    return nameless


def retry_too_much(ended: Method) -> Method:
    """Sends the one before the first once more, too."""

    def more(self: Any, *arguments: Any) -> Any:
        indices = ended(self, *arguments)
        return [indices[0] - 1, *indices] if indices and indices[0] else indices

    return more


def one_run_less(repeat: Method) -> Method:
    """Stages one run of a batch less than it should have."""
    return lambda self, batch_id, repeats: repeat(self, batch_id, repeats - 1)


def forget_that_it_is_paused(encode: Method) -> Method:
    """Stores each batch as one that is not paused."""
    return lambda controls: encode(controls._replace(paused=False))


def forget_the_priority(encode: Method) -> Method:
    """Stores each batch as one that nobody has moved."""
    return lambda controls: encode(controls._replace(priority=0, front=0))


def steer_no_pause(steer: Method) -> Method:
    """Goes on with each batch in memory."""
    return lambda self, batch, controls: steer(self, batch, controls._replace(paused=False))


def forget_decisions(ask: Method) -> Method:
    """Goes on as if every fourth decision had been to do so."""
    forgets = _Every(4)

    async def asking(self: Any, question: Any) -> Any:
        decided = await ask(self, question)
        return Proceed() if not isinstance(decided, Proceed) and forgets() else decided

    return asking


def always(value: Any) -> Callable[[Method], Method]:
    """Does nothing but return this."""
    return lambda _: lambda *_arguments, **_named: value

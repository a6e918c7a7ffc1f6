"""What a journal told somebody, and whether it still holds."""

from collections import Counter

from flowreplay.v1 import event_pb2

from replayd.journal.interface import Journal


class Promises:
    """Takes the words of `tests.support.journal_worker`, and what could be read."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []
        self._events: list[bytes] = []

    def say(self, what: str, name: str) -> None:
        """It was told that this is durable."""
        self._said.append((what, name))

    def read(self, journal: Journal) -> None:
        """Reads the events that are new, as a watcher does."""
        self._events += _events(journal, len(self._events))

    def check(self, journal: Journal) -> None:
        """Raises AssertionError when one was broken."""
        events = _events(journal, 0)
        assert events[: len(self._events)] == self._events, "an event that was read has changed"
        ended = _ended(events)
        assert set(ended.values()) <= {1}, "a replay ended twice"
        for what, name in self._said:
            if what == "accepted":
                journal.count(name)
            elif what == "ended":
                assert ended[name] == 1, f"the outcome of {name} is gone"
            else:
                assert journal.latest >= int(name), f"event {name} is gone"

    def check_end(self, journal: Journal) -> None:
        """Raises AssertionError when the books don't balance, once nothing waits or runs."""
        counts, events = journal.count(""), _events(journal, 0)
        ended = _ended(events)
        assert counts.idle, counts
        assert set(ended.values()) <= {1}, "a replay ended twice"
        queued = sum(event.update.replay_count for event in _updates(events, "QUEUED"))
        total = counts.succeeded + counts.failed + counts.cleared + counts.interrupted
        assert ended.total() == queued == total, (ended.total(), queued, total)


def _events(journal: Journal, after: int) -> list[bytes]:
    events: list[bytes] = []
    while after < journal.latest:
        page = journal.read(after, limit=500, max_bytes=1 << 20)
        events += page.events
        after = page.last
    decoded = map(event_pb2.Event.FromString, events)
    first = journal.latest - len(events) + 1
    assert [event.sequence for event in decoded] == list(range(first, journal.latest + 1))
    return events


def _updates(events: list[bytes], kind: str) -> list[event_pb2.Event]:
    wanted = event_pb2.UpdateKind.Value(f"UPDATE_KIND_{kind}")
    return [each for each in map(event_pb2.Event.FromString, events) if each.update.kind == wanted]


def _ended(events: list[bytes]) -> Counter[str]:
    """How often each replay has ended."""
    decoded = map(event_pb2.Event.FromString, events)
    ended = Counter(
        event.replay_id for event in decoded if event.WhichOneof("payload") in ("response", "error")
    )
    for event in _updates(events, "CLEARED"):
        for each in event.update.ranges:
            indices = range(each.first_index, each.last_index + 1)
            ended.update(f"{each.batch_id}.{index}" for index in indices)
    return ended

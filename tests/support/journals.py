"""Journals for tests: rows, short ways through a replay's life, and a crash in place."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowreplay.v1 import event_pb2, replay_pb2

from replayd.codec.event import log_event, outcome_event
from replayd.codec.plan import encode_plan
from replayd.journal.interface import Journal, Page
from replayd.journal.journal import StoredJournal
from replayd.journal.retention import Retention
from replayd.journal.sqlite import open_sqlite
from replayd.model.event import LogLevel, PendingEvent
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey, ReplayRange, ReplayState, Row
from replayd.reasons import Reason

NOW = 1_700_000_000 * 10**9
DAY = 24 * 3600 * 10**9

OPTIONS = replay_pb2.EnqueueOptions(label="kept").SerializeToString()
"""Options that are to be recognised, and change nothing."""


def plan(index: int = 0, *, idempotent: bool = True) -> Plan:
    """A plan whose flow index is to be recognised."""
    method = b"GET" if idempotent else b"POST"
    return Plan(
        method,
        b"http://a.test/%d" % index,
        Target("http", "a.test", 80),
        b"%s /%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % (method, index),
        idempotent=idempotent,
        flow_index=index,
    )


def row(index: int, session: str = "", **fields: Any) -> Row:
    """A prepared flow; without a session it has one of its own."""
    idempotent = fields.pop("idempotent", True)
    return Row(
        index,
        session or f"#{index}",
        idempotent,
        encode_plan(plan(index, idempotent=idempotent)),
        b"flow %d" % index,
        **fields,
    )


def enqueue(journal: Journal, batch_id: str, rows: Iterable[Row], **options: Any) -> None:
    """Stages and accepts a batch."""
    journal.stage(batch_id, list(rows))
    journal.accept(batch_id, now=NOW, answer=b"answer", **options)


def note(message: str, batch_id: str = "") -> PendingEvent:
    """A `log` event."""
    return log_event(LogLevel.INFO, message, NOW, batch_id=batch_id)


def finish(
    journal: Journal,
    replay: Replay,
    state: ReplayState = ReplayState.SUCCEEDED,
    content: bytes = b"",
    withheld: bytes = b"",
) -> bool:
    """Hands over an outcome with its event; True: more of its session waits."""
    body = journal.new_body()
    body.write(content)
    reason = Reason.UNSPECIFIED if state is ReplayState.SUCCEEDED else Reason.CONNECT_FAILED
    outcome = Outcome(
        state, Timings(NOW), reason, content_prefix=body.prefix(64), content_size=body.size
    )
    event = outcome_event(replay, plan(replay.key.flow_index), outcome, NOW)
    return journal.finish(replay.key, outcome, [event._replace(withheld=withheld)], body)


def run(journal: Journal, limit: int = 1, content: bytes = b"") -> list[Replay]:
    """Takes replays through their life to a commit; returns them."""
    replays = journal.take(limit, NOW)
    journal.begin(replays)
    for replay in replays:
        finish(journal, replay, content=content)
    journal.commit()
    return replays


def trim(journal: Journal, before: int) -> None:
    """Removes the events before a sequence, and no batch."""
    assert isinstance(journal, StoredJournal)
    for _ in Retention(journal._ledger).cut(min(before - 1, journal.latest)):
        pass


def drain(journal: Journal, limit: int = 1) -> list[ReplayKey]:
    """Runs until nothing is taken and nothing more can be; returns the keys in order."""
    keys: list[ReplayKey] = []
    woken = [True]
    journal.on_runnable(lambda: woken.append(True))
    while woken:
        woken.clear()
        while replays := run(journal, limit):
            keys += [replay.key for replay in replays]
    return keys


def indices(replays: Iterable[Replay | ReplayKey]) -> list[int]:
    """Their flow indices."""
    keys = (each.key if isinstance(each, Replay) else each for each in replays)
    return [key.flow_index for key in keys]


def read_all(journal: Journal, after: int = 0, **filters: Any) -> list[event_pb2.Event]:
    """All events after a sequence, decoded."""
    events: list[event_pb2.Event] = []
    while after < journal.latest:
        page = journal.read(after, limit=100, max_bytes=1 << 20, **filters)
        events += map(event_pb2.Event.FromString, page.events)
        after = page.last
    return events


def decoded(page: Page) -> list[event_pb2.Event]:
    """A page's events."""
    return [event_pb2.Event.FromString(body) for body in page.events]


def kinds(events: Iterable[event_pb2.Event]) -> list[str]:
    """What each event is, with what an update is about."""
    return [_kind(event) for event in events]


def ranges(event: event_pb2.Event) -> list[ReplayRange]:
    """The ranges of an update."""
    return [
        ReplayRange(each.batch_id, each.repeat, each.first_index, each.last_index)
        for each in event.update.ranges
    ]


def after_crash(folder: Path, now: int = NOW) -> Journal:
    """Opens what a crash at this moment would leave of a journal that is open."""
    left = folder.with_name(folder.name + "+")
    shutil.copytree(folder, left)
    return open_sqlite(left, now)


def _kind(event: event_pb2.Event) -> str:
    payload = event.WhichOneof("payload") or ""
    if payload == "update":
        return event_pb2.UpdateKind.Name(event.update.kind).removeprefix("UPDATE_KIND_").lower()
    return payload

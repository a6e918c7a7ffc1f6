"""A journal with replays in every state, and what is in it."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from replayd.codec.event import outcome_event
from replayd.codec.plan import encode_plan
from replayd.journal.interface import Journal, Part
from replayd.journal.sqlite import open_sqlite
from replayd.model.outcome import Outcome, Timings
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey, ReplayState, Row
from replayd.reasons import Reason

NOW = 1_700_000_000 * 10**9

_BATCHES = 6
_FLOWS = 12
_LARGE = 300_000
"""Bytes of a content that has a file of its own."""


@dataclass
class Reference:
    """A journal that is whole."""

    folder: Path
    contents: dict[tuple[ReplayKey, Part], bytes] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)
    """All of the log once it was opened: what was written before, and what the opening adds."""
    written: int = 0
    """How many of them were written before."""
    plans: dict[ReplayKey, bytes] = field(default_factory=dict)
    waiting: set[ReplayKey] = field(default_factory=set)
    """What a daemon may send."""


def references(scratch: Path) -> list[Reference]:
    """Makes two: as `kill -9` leaves it, with a log, and after a clean end."""
    killed = Reference(scratch / "killed")
    closed = Reference(scratch / "closed")
    journal = open_sqlite(closed.folder, NOW)
    _fill(journal, closed)
    closed.written = killed.written = journal.latest
    shutil.copytree(closed.folder, killed.folder, symlinks=True)
    journal.close()
    killed.contents, killed.plans = closed.contents, closed.plans
    for reference in (killed, closed):
        _remember(reference, scratch / "opened")
    return [killed, closed]


def keys(reference: Reference) -> list[ReplayKey]:
    """Names all replays."""
    return list(reference.plans)


def _fill(journal: Journal, reference: Reference) -> None:
    for number in range(_BATCHES):
        batch_id = f"batch{number}"
        rows = [_row(reference, ReplayKey(batch_id, 0, index)) for index in range(_FLOWS)]
        journal.stage(batch_id, rows)
        journal.reserve(batch_id, None)
        journal.accept(
            batch_id, now=NOW, answer=b"answer", request_id=batch_id, content_hash=b"hash"
        )
        if number == _BATCHES - 2:
            journal.clear(batch_id, NOW)
        for _ in range(_FLOWS if number < 2 else _FLOWS // 2):
            for replay in journal.take(1, NOW):
                journal.begin([replay])
                _finish(journal, reference, replay)
                journal.commit()
    journal.begin(journal.take(2, NOW))


def _row(reference: Reference, key: ReplayKey) -> Row:
    method = b"POST" if key.flow_index % 3 == 0 else b"GET"
    size = _LARGE if key.flow_index == 5 else 200 * key.flow_index
    plan = Plan(
        method,
        b"http://a.test/%d" % key.flow_index,
        Target("http", "a.test", 80),
        b"%s /%s HTTP/1.1\r\nHost: a.test\r\n\r\n" % (method, key.replay_id.encode()),
        idempotent=method == b"GET",
        flow_index=key.flow_index,
    )
    reference.plans[key] = encode_plan(plan)
    asked = _content(key, Part.REQUEST, size)
    recorded = _content(key, Part.RECORDED, 100)
    reference.contents[key, Part.REQUEST] = asked
    reference.contents[key, Part.RECORDED] = recorded
    return Row(
        key.flow_index,
        f"#{key.flow_index}",
        method == b"GET",
        reference.plans[key],
        b"flow of " + key.replay_id.encode(),
        asked,
        recorded,
    )


def _content(key: ReplayKey, part: Part, size: int) -> bytes:
    line = f"{key.replay_id} {part} ".encode()
    return (line * (size // len(line) + 1))[:size]


def _finish(journal: Journal, reference: Reference, replay: Replay) -> None:
    key = replay.key
    state = ReplayState.FAILED if key.flow_index % 4 == 1 else ReplayState.SUCCEEDED
    size = _LARGE if key.flow_index == 7 else 300 * key.flow_index
    content = _content(key, Part.RESPONSE, size)
    reference.contents[key, Part.RESPONSE] = content
    body = journal.new_body()
    body.write(content)
    reason = Reason.UNSPECIFIED if state is ReplayState.SUCCEEDED else Reason.CONNECT_FAILED
    outcome = Outcome(
        state, Timings(NOW), reason, content_prefix=body.prefix(64), content_size=body.size
    )
    plan = Plan(b"GET", b"http://a.test/", Target("http", "a.test", 80), b"", idempotent=True)
    journal.finish(key, outcome, [outcome_event(replay, plan, outcome, NOW)], body)


def _remember(reference: Reference, scratch: Path) -> None:
    """Opens a copy and notes what its log and its queue hold."""
    shutil.copytree(reference.folder, scratch, symlinks=True)
    journal = open_sqlite(scratch, NOW)
    while len(reference.events) < journal.latest:
        page = journal.read(len(reference.events), limit=500, max_bytes=1 << 20)
        reference.events += page.events
    while replays := journal.take(50, NOW):
        reference.waiting.update(replay.key for replay in replays)
        for replay in replays:
            journal.finish(replay.key, Outcome(ReplayState.SUCCEEDED, Timings(NOW)), [])
    journal.close()
    shutil.rmtree(scratch)

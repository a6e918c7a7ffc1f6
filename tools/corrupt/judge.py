"""What comes of a damaged journal: what was put in, or an error."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowreplay.v1 import event_pb2

from replayd.codec.event import sequence_of
from replayd.errors import JournalError, ReplaydError
from replayd.journal.interface import Journal
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.check import Checker
from replayd.journal.sqlite.salvage import salvage
from replayd.journal.sqlite.stopped import looked_at
from replayd.model.outcome import Outcome, Timings
from replayd.model.replay import Replay, ReplayKey, ReplayState
from tools.corrupt.reference import NOW, Reference, keys

_NOTES = (b"an event was lost here", b"the journal was salvaged")
_REFUSED = "refused"
_SHORTER = "shorter log"


class Verdict:
    """What became of one case."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        """How it was told, by whom; none: nobody noticed, since nothing was wrong."""
        self.wrong: list[str] = []
        """What must never be."""


def judge(reference: Reference, folder: Path) -> Verdict:
    """Checks, salvages, opens and reads a damaged copy of a journal."""
    verdict = Verdict()
    _check(folder, verdict)
    new = folder.with_name("salvaged")
    try:
        salvage(folder, new, NOW, lambda: None)
    except JournalError:
        verdict.ends.append("not salvaged")
    else:
        found = list(_findings(new))
        verdict.wrong += [f"salvaged, and then found: {each}" for each in found]
        verdict.wrong += [f"salvaged: {each}" for each in _served(reference, new, Verdict())]
    shutil.rmtree(new, ignore_errors=True)
    verdict.wrong += _served(reference, folder, verdict)
    return verdict


def _check(folder: Path, verdict: Verdict) -> None:
    try:
        if any(True for _ in _findings(folder)):
            verdict.ends.append("found")
    except JournalError:
        verdict.ends.append("found")


def _findings(folder: Path) -> Iterator[str]:
    with looked_at(folder) as stopped:
        for found in Checker(stopped, lambda: None).run():
            yield f"{found.where}: {found.what}"


def _served(reference: Reference, folder: Path, verdict: Verdict) -> list[str]:
    """Opens a journal as a daemon does and reads all of it; returns what is wrong."""
    try:
        journal = open_sqlite(folder, NOW)
    except JournalError:
        verdict.ends.append(_REFUSED)
        return []
    try:
        if journal.info.epoch > 1:
            verdict.ends.append("new epoch")
        journal.pause(False, NOW)
        wrong = [*_events(reference, journal, verdict), *_contents(reference, journal, verdict)]
        return [*wrong, *_queue(reference, journal, verdict)]
    except JournalError:
        # The journal stopped itself while it was read.
        verdict.ends.append(_REFUSED)
        return []
    finally:
        try:
            journal.close()
        except JournalError:
            verdict.ends.append(_REFUSED)


def _events(reference: Reference, journal: Journal, verdict: Verdict) -> Iterator[str]:
    """Compares what was written before the opening; what that adds is judged by its meaning."""
    after = whole = 0
    shorter = False
    settled: list[bytes] = []
    while after < journal.latest:
        try:
            page = journal.read(after, limit=1, max_bytes=1)
        except ReplaydError:
            verdict.ends.append("told")
            after += 1
            continue
        (event,) = page.events
        if page.last != after + 1:
            yield f"event {after + 1} is passed over"
        if after >= reference.written:
            settled.append(event)
        elif event == reference.events[after]:
            whole += 1
        elif journal.info.epoch == 1 and not any(note in event for note in _NOTES):
            # A log that was cut looks like one of an earlier kill: its opening adds to it.
            shorter = (shorter or whole == after) and bool(_settled(event))
            if not shorter:
                yield f"event {after + 1} is another one"
        after = page.last
    if journal.info.epoch > 1:
        return
    if shorter or journal.latest < len(reference.events):
        verdict.ends.append(_SHORTER)
    if not shorter:
        yield from not_settled(settled, reference.events[reference.written :])


def not_settled(found: Sequence[bytes], expected: Sequence[bytes]) -> Iterator[str]:
    """Compares what two openings made of the replays that were in doubt: of a journal, and of a
    damaged copy, where one whose request can't be read is not sent again.
    """
    allowed = {each for event in expected for each in _settled(event)}
    parked = {(replay_id, ReplayState.INTERRUPTED) for replay_id, _ in allowed}
    seen: set[str] = set()
    for event in found:
        settled = _settled(event)
        if not settled:
            yield f"event {sequence_of(event)} of the opening settles nothing"
        for replay_id, state in settled:
            if (replay_id, state) not in allowed | parked:
                yield f"{replay_id} is {state.name} after the opening"
            if replay_id in seen:
                yield f"{replay_id} is settled twice"
            seen.add(replay_id)


def _settled(encoded: bytes) -> list[tuple[str, ReplayState]]:
    """Tells which replays an event of an opening settles, and how; none: it is another event."""
    event = event_pb2.Event.FromString(encoded)
    if event.WhichOneof("payload") == "error":
        return [(event.replay_id, ReplayState(event.error.state))]
    if event.update.kind != event_pb2.UPDATE_KIND_REQUEUED:
        return []
    return [
        (ReplayKey(each.batch_id, each.repeat, index).replay_id, ReplayState.QUEUED)
        for each in event.update.ranges
        for index in range(each.first_index, each.last_index + 1)
    ]


def _contents(reference: Reference, journal: Journal, verdict: Verdict) -> Iterator[str]:
    for (key, part), expected in reference.contents.items():
        try:
            found = b"".join(journal.content(key, part))
        except ReplaydError:
            verdict.ends.append("told")
            continue
        if found != expected and not (not found and _may_lack(verdict, journal)):
            yield f"the {part} content of {key.replay_id} is another one ({len(found)} bytes)"


def _may_lack(verdict: Verdict, journal: Journal) -> bool:
    """Whether an outcome may be one that nobody has noted yet."""
    return journal.info.epoch > 1 or bool(verdict.ends)


def _queue(reference: Reference, journal: Journal, verdict: Verdict) -> Iterator[str]:
    """Takes all that waits: it is what was put in, and nothing that has ended."""
    rolled_back = journal.info.epoch > 1 or _SHORTER in verdict.ends
    known = set(keys(reference))
    for replay in _taken(journal, verdict):
        plan = reference.plans.get(replay.key)
        if replay.key.batch_id.startswith("lost-") or replay.key not in known:
            yield f"{replay.key.replay_id} would be sent, and nobody asked for it"
        elif replay.plan != plan:
            yield f"another request would be sent for {replay.key.replay_id}"
        elif replay.key not in reference.waiting and not rolled_back:
            yield f"{replay.key.replay_id} would be sent again"


def _taken(journal: Journal, verdict: Verdict) -> Iterator[Replay]:
    while True:
        try:
            replays = journal.take(50, NOW)
        except JournalError:
            verdict.ends.append("told")
            return
        if not replays:
            return
        for replay in replays:
            yield replay
            journal.finish(replay.key, Outcome(ReplayState.SUCCEEDED, Timings(NOW)), [])
        journal.commit()

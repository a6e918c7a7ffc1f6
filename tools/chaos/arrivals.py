"""The second book: what reached the target, in which order. Reading it, and comparing it
with the log.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.chaos.findings import Findings
from tools.chaos.flows import ANSWERS, IDEMPOTENT, Asked, read_path, sent_again
from tools.chaos.log import Log, Replay
from tools.chaos.target import MARK


class Arrival(NamedTuple):
    """A line of the book."""

    number: int
    method: bytes
    asked: Asked


class Start(NamedTuple):
    """A mark: the daemon was about to start; nothing of an earlier one comes after it."""

    concurrency: int
    paused: bool
    """Whether the queue was paused, and nobody was to resume it."""


class TargetStart(NamedTuple):
    """A mark: the target itself was killed, and started again."""


Line = Arrival | Start | TargetStart


def mark_of(line: Start | TargetStart) -> str:
    """Returns the words of a mark."""
    if isinstance(line, TargetStart):
        return "target"
    return f"start/{line.concurrency}/{int(line.paused)}"


def _marked(words: str) -> Start | TargetStart:
    if words == "target":
        return TargetStart()
    _, concurrency, paused = words.split("/")
    return Start(int(concurrency), paused == "1")


class Book:
    """Reads the target's book, as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._lines = 0

    def new(self) -> Iterator[Line]:
        """Yields what was written since it was read last."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._lines += 1
                method, path = line.split()
                if path.startswith(MARK.encode()):
                    yield _marked(path.decode().removeprefix(MARK))
                else:
                    yield Arrival(self._lines - 1, method, read_path(path.decode()))


class Arrivals:
    """Compares arrivals with the log."""

    def __init__(self, log: Log, findings: Findings) -> None:
        self._log = log
        self._findings = findings
        self._start = Start(0, paused=False)
        self._at: dict[object, tuple[int, int]] = {}
        """The place of the last arrival since the start, by session, or of all."""
        self._first: dict[tuple[str, int], int] = {}
        """The highest index that has arrived, by session."""
        self._arrived: dict[int, Arrival] = {}
        """The arrivals of what is not forgotten, by number."""
        self._target_broke = False
        self.count = 0
        self.repeats = 0
        """Arrivals of what had arrived before."""

    def compare(self, line: Line) -> None:
        """Takes the next line."""
        if isinstance(line, Start):
            self._start = line
            self._at.clear()
            return
        if isinstance(line, TargetStart):
            self._target_broke = True
            return
        self.count += 1
        asked = line.asked
        batch = self._log.labels.get(asked.tag)
        replay = batch.replays.get(asked.flow_index) if batch else None
        if batch is None or replay is None:
            kind = "cleared sent" if asked.tag in self._log.forgotten else "lost"
            self._findings.add(kind, f"{line.method!r} {asked.path} arrived; it is not in the log")
            return
        if self._start.paused:
            self._findings.add("pauses", f"{replay} arrived while the queue was paused")
        self._compare_order(replay, asked, batch.position)
        self._arrived[line.number] = line
        self.repeats += bool(replay.arrivals)
        replay.arrivals.append(line.number)

    def settle(self) -> None:
        """Compares all replays, once both books were read to their end; nothing runs."""
        for replay in self._log.replays():
            self._compare_number(replay)
            if replay.outcome == "succeeded":
                self._compare_answer(replay)
        # What has its outcome will be forgotten; if it arrived once more, that is known.
        open_ = [replay for replay in self._log.replays() if not replay.outcome]
        labels = {replay.batch.label for replay in open_}
        self._first = {key: at for key, at in self._first.items() if key[0] in labels}
        kept = {
            number
            for batch in self._log.batches.values()
            if batch.label in labels
            for replay in batch.replays.values()
            for number in replay.arrivals
        }
        self._arrived = {number: self._arrived[number] for number in kept}
        self._target_broke = False

    def _compare_number(self, replay: Replay) -> None:
        arrived = [self._arrived[number] for number in replay.arrivals]
        if not arrived:
            return
        again = sent_again(replay.batch.label, arrived[0].method)
        if arrived[0].method not in IDEMPOTENT and not again and len(arrived) > 1:
            self._findings.add("post twice", f"{replay}: {len(arrived)} times")
        sent = replay.outcome not in ("", "cleared")
        # A connection that breaks may cost a second try in each attempt; that of one which
        # was interrupted is told by the interruption, or by how it ended, alone.
        broke = self._target_broke or arrived[0].asked.breaks
        tries = replay.retried + (replay.requeued + replay.cut if broke else 0)
        if len(arrived) > replay.requeued + sent + tries:
            said = f"{replay}: {len(arrived)} times, interrupted {replay.requeued}, retried {tries}"
            kind = "cleared sent" if replay.outcome == "cleared" else "unmarked"
            self._findings.add(kind, said)

    def _compare_answer(self, replay: Replay) -> None:
        status, content = replay.answer
        number = int(content) if content.isdigit() else -1
        arrival = self._arrived.get(number)
        if number not in replay.arrivals or arrival is None:
            said = f"{replay} was answered {content!r}, and arrived as {replay.arrivals}"
            self._findings.add("answers", said)
        elif (status, replay.method) != (ANSWERS.get(arrival.asked.what), arrival.method):
            said = f"{replay}: {replay.method!r} got {status}, not as {arrival} says"
            self._findings.add("answers", said)

    def _compare_order(self, replay: Replay, asked: Asked, position: int) -> None:
        session = (asked.tag, asked.session)
        place = (position, replay.index)
        keys: list[object] = [session]
        if self._start.concurrency == 1:
            keys.append("all")
        for key in keys:
            if place < self._at.get(key, place):
                self._findings.add("order", f"{replay} arrived after {self._at[key]} of {key}")
            self._at[key] = place
        if not replay.arrivals:
            highest = self._first.get(session, -1)
            if replay.index < highest:
                self._findings.add("order", f"{replay} arrived first after index {highest}")
            self._first[session] = max(replay.index, highest)

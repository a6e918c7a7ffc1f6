"""The second book: what reached the target, in which order. Reading it, and comparing it
with the log.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.chaos.findings import Findings
from tools.chaos.flows import ANSWERS, IDEMPOTENT, Asked, method_of, read_path, sent_again
from tools.chaos.live import value_of
from tools.chaos.log import Log
from tools.chaos.marks import MARK, Freed, Held, Mark, Start, TargetStart, read_mark
from tools.chaos.replays import Replay


class Arrival(NamedTuple):
    """A line of the book."""

    number: int
    method: bytes
    asked: Asked
    live: str = ""
    """The live value that it carried; empty: none."""


Line = Arrival | Mark


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
                method, path, *live = line.split()
                if path.startswith(MARK.encode()):
                    yield read_mark(path.decode().removeprefix(MARK))
                else:
                    asked = read_path(path.decode())
                    method = method_of(asked, method)
                    yield Arrival(self._lines - 1, method, asked, b"".join(live).decode())


class Arrivals:
    """Compares arrivals with the log."""

    def __init__(self, log: Log, findings: Findings) -> None:
        self._log = log
        self._findings = findings
        self._start = Start(0, paused=False)
        self._at: dict[object, tuple[int, int]] = {}
        """The place of the last arrival since the start, by session, or of all."""
        self._first: dict[tuple[str, int, int], int] = {}
        """The highest slot that has arrived, by session."""
        self._arrived: dict[tuple[str, int], list[Arrival]] = {}
        """By call and flow index."""
        self._held: dict[str, tuple[int, set[int]]] = {}
        """Of paused batches: how many replays may be taken, and the slots of those that were."""
        self._target_broke = False
        self.count = 0
        self.repeats = 0
        """Arrivals of what had arrived before."""

    def compare(self, line: Line) -> None:
        """Takes the next line."""
        match line:
            case Start():
                self._start = line
                self._at.clear()
            case TargetStart():
                self._target_broke = True
            case Held(batch_id, steps):
                self._held[batch_id] = steps, set()
            case Freed(batch_id):
                self._held.pop(batch_id, None)
            case Arrival():
                self._compare_arrival(line)

    def _compare_arrival(self, line: Arrival) -> None:
        self.count += 1
        asked = line.asked
        replays = self._log.of_flow(asked.tag, asked.flow_index)
        if not replays:
            ended = any(batch.over for batch in self._log.families.get(asked.tag, ()))
            kind = "cleared sent" if ended else "lost"
            self._findings.add(kind, f"{line.method!r} {asked.path} arrived; it is not in the log")
            return
        if self._start.paused:
            self._findings.add("pauses", f"{replays[0]} arrived while the queue was paused")
        arrived = self._arrived.setdefault((asked.tag, asked.flow_index), [])
        replay = _whose(line, replays)
        if replay is not None:
            # Of a flow with several replays it is known only of the one that got an answer.
            self._compare_order(replay, asked, first=not arrived or len(replays) > 1)
            self._compare_held(replay)
            if line.live:
                self._compare_live(replay, line)
        self.repeats += bool(arrived)
        arrived.append(line)

    def settle(self) -> None:
        """Compares all replays, once both books were read to their end; nothing runs."""
        open_ = set()
        for replay in self._log.replays():
            if not replay.outcome:
                open_.add(replay.batch.label)
            elif replay.outcome == "succeeded" and not replay.unsent:
                self._compare_answer(replay)
        for (tag, flow_index), arrived in self._arrived.items():
            self._compare_number(self._log.of_flow(tag, flow_index), arrived)
        # What has its outcome will be forgotten; if it arrived once more, that is known.
        self._arrived = {key: lines for key, lines in self._arrived.items() if key[0] in open_}
        batches = {b.batch_id for label in open_ for b in self._log.families[label]}
        self._first = {key: at for key, at in self._first.items() if key[0] in batches}
        self._target_broke &= bool(open_)

    def _compare_number(self, replays: list[Replay], arrived: list[Arrival]) -> None:
        """Compares how often a flow arrived with what its replays say."""
        line = arrived[0]
        again = sent_again(line.asked.tag, line.method)
        sent = sum(
            replay.outcome not in ("", "cleared") and not replay.unsent for replay in replays
        )
        said = ", ".join(map(str, replays))
        if line.method not in IDEMPOTENT and not again and len(arrived) > max(sent, 1):
            self._findings.add("post twice", f"{said}: {len(arrived)} times")
        # A connection that breaks may cost a second try in each attempt; that of one which
        # was interrupted is told by the interruption, or by how it ended, alone.
        broke = self._target_broke or line.asked.breaks
        requeued = sum(replay.requeued for replay in replays)
        cut = sum(replay.cut for replay in replays)
        tries = sum(replay.retried for replay in replays) + (requeued + cut if broke else 0)
        if len(arrived) > requeued + sent + tries:
            said += f": {len(arrived)} times, interrupted {requeued}, retried {tries}"
            cleared = any(replay.outcome == "cleared" for replay in replays)
            self._findings.add("cleared sent" if cleared else "unmarked", said)

    def _compare_answer(self, replay: Replay) -> None:
        status, content = replay.answer
        lines = self._arrived.get((replay.batch.label, replay.key.flow_index), ())
        arrival = next((line for line in lines if line.number == replay.answered_as), None)
        if arrival is None:
            said = f"{replay} was answered {content!r}, and arrived as {[*lines]}"
            self._findings.add("answers", said)
        elif (status, replay.method) != (ANSWERS.get(arrival.asked.what), arrival.method):
            said = f"{replay}: {replay.method!r} got {status}, not as {arrival} says"
            self._findings.add("answers", said)

    def _compare_order(self, replay: Replay, asked: Asked, *, first: bool) -> None:
        """`first`: it has not arrived before."""
        batch_id, repeat, _ = replay.key
        session = (batch_id, repeat, asked.session)
        slot = replay.key.slot
        place = (replay.batch.position, slot)
        keys: list[object] = [session]
        if self._start.concurrency == 1:
            # Batches that were steered overtake, and are overtaken.
            keys.append(batch_id if replay.batch.steered else "all")
        for key in keys:
            if place < self._at.get(key, place):
                self._findings.add("order", f"{replay} arrived after {self._at[key]} of {key}")
            self._at[key] = place
        if first:
            highest = self._first.get(session, -1)
            if slot < highest:
                self._findings.add("order", f"{replay} arrived first after slot {highest}")
            self._first[session] = max(slot, highest)

    def _compare_held(self, replay: Replay) -> None:
        if replay.key.batch_id in self._held:
            steps, taken = self._held[replay.key.batch_id]
            taken.add(replay.key.slot)
            if len(taken) > steps:
                said = f"{replay} arrived while its batch was paused, but for {steps} steps"
                self._findings.add("steering", said)

    def _compare_live(self, replay: Replay, line: Arrival) -> None:
        due = value_of(replay, self._log.batches)
        if due is not None and line.live != due:
            said = f"{replay} was sent with the live value {line.live!r}, not {due!r}"
            self._findings.add("live values", said)


def _whose(line: Arrival, replays: list[Replay]) -> Replay | None:
    """Returns the replay that sent a request, where that can be told."""
    if len(replays) == 1:
        return replays[0]
    return next((each for each in replays if each.answered_as == line.number), None)

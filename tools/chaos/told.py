"""The first book: what clients were told, and watchers shown. Reading it, and comparing it
with the log.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flowreplay.v1 import event_pb2

from tools.chaos.findings import Findings
from tools.chaos.log import Log, Vector
from tools.chaos.replays import OUTCOMES, Replay

Line = dict[str, Any]

_DISK = "; check the disk"
"""What a daemon may say whose disk was taken away."""

_WRONG = ("ALREADY_EXISTS", "INVALID_ARGUMENT", "INTERNAL")
"""What no call of chaos may be told. What it names may have gone with retention."""


_STEERS = {
    "hold": event_pb2.UPDATE_KIND_PAUSED,
    "free": event_pb2.UPDATE_KIND_RESUMED,
    "move": event_pb2.UPDATE_KIND_MOVED,
}


class Lines:
    """The lines that were added to a file of JSON since it was read last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> Iterator[Line]:
        """Yields them; one that a kill has cut was never said."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                yield json.loads(line)


class Told:
    """What clients were told so far."""

    def __init__(self, log: Log, findings: Findings) -> None:
        self._log = log
        self._findings = findings
        self._tries: dict[str, int] = {}
        self._accepted: dict[str, tuple[str, int]] = {}
        self.calls = 0
        """Enqueues that were answered, duplicates not counted."""
        self.acknowledged = 0
        """Flows that they were told were accepted."""
        self.duplicates = 0
        self.broken = 0
        self.cancelled = 0
        """Replays that were told to be."""
        self.decided = 0
        """Decisions of hooks."""
        self.steps = 0
        """Replays that were told to be taken by steps."""
        self._pauses = {True: 0, False: 0}
        self._steers: Counter[tuple[str, int]] = Counter()
        self._compares = {
            "accepted": self._compare_accepted,
            "attend": lambda line: log.hooked.attends(line["policy"]),
            "broke": self._broke,
            "cancel": self._compare_cancel,
            "clear": self._compare_clear,
            "count": self._compare_count,
            "decided": self._decided,
            "free": self._steered,
            "hold": self._steered,
            "move": self._steered,
            "pause": self._compare_pause,
            "resolve": self._compare_resolve,
            "resume": self._compare_pause,
            "step": self._compare_step,
            "retry": self._compare_retry,
            "try": self._try,
        }

    def compare(self, line: Line) -> None:
        """Compares what was told with the log, which has to be read that far."""
        self._compares[line["what"]](line)

    def settle(self) -> None:
        """Compares sums, once every line was read; forgets calls that are over."""
        self._log.hooked.settle()
        for on, told in self._pauses.items():
            logged = self._log.changes.count(on)
            if told > logged:
                words = "pauses" if on else "resumptions"
                self._findings.add("pauses", f"{told} {words} were told, {logged} are logged")
        for steer, told in self._steers.items():
            if told > self._log.steers[steer]:
                batch_id, kind = steer
                logged = self._log.steers[steer]
                said = f"{batch_id} was told {told} times, is logged {logged} times: update {kind}"
                self._findings.add("steering", said)
        for call, count in self._tries.items():
            for batch in self._log.families.get(call, ()):
                if batch.count > count:
                    said = f"{call} has {batch.count} replays of {count} that were tried"
                    self._findings.add("outcomes", said)
        self._tries.clear()
        self._accepted.clear()

    def _broke(self, line: Line) -> None:
        self.broken += 1
        if line["code"] in _WRONG:
            self._findings.add("requests", f"a call was told {line}")

    def _try(self, line: Line) -> None:
        self._tries[line["call"]] = line["replays"]

    def _decided(self, line: Line) -> None:
        self.decided += 1
        self._log.hooked.decided(line["replay"], line["attempt"], line["how"], line["when"])

    def _compare_pause(self, line: Line) -> None:
        self._pauses[line["what"] == "pause"] += line["changed"]

    def _steered(self, line: Line) -> None:
        self._steers[line["batch"], _STEERS[line["what"]]] += line["changed"]

    def _compare_step(self, line: Line) -> None:
        replay_ids = line["replays"]
        self.steps += len(replay_ids)
        if len(set(replay_ids)) != len(replay_ids) or len(replay_ids) > line["count"]:
            self._findings.add("steering", f"a step of {line['count']} has taken {replay_ids}")

    def _compare_accepted(self, line: Line) -> None:
        call, batch_id, replays = line["call"], line["batch"], line["replays"]
        self._compare_answers(call, (batch_id, replays))
        if line["duplicate"]:
            self.duplicates += 1
        else:
            self.calls += 1
            self.acknowledged += line["count"]
        if replays != self._tries.get(call, replays) or line["refused"]:
            self._findings.add("requests", f"{call} was told {replays}, of {self._tries[call]}")
        batch = self._log.batches.get(batch_id)
        if batch is None or batch.label != call or batch.resends:
            self._findings.add("lost", f"{call}, batch {batch_id}, with all {replays} replays")
        elif batch.count != replays:
            said = f"{call}, batch {batch_id}: {batch.count} of {replays} are left"
            self._findings.add("lost", said)

    def _compare_answers(self, call: str, told: tuple[str, int]) -> None:
        """However often a call is answered, it is told the same."""
        before = self._accepted.setdefault(call, told)
        if before != told:
            self._findings.add("requests", f"{call} was told {before}, then {told}")

    def _compare_clear(self, line: Line) -> None:
        outcomes = [replay.outcome for replay in self._in(line["ranges"])]
        if outcomes.count("cleared") != line["count"]:
            said = f"{line['count']} were told to be cleared, {outcomes.count('cleared')} are"
            self._findings.add("outcomes", said)

    def _compare_cancel(self, line: Line) -> None:
        """What is finished may be forgotten already."""
        for replay_id, state, changed in line["replays"]:
            replay = self._log.named(replay_id)
            outcome = OUTCOMES.get(state, "")
            self.cancelled += changed
            if replay is not None and replay.outcome != outcome:
                said = f"{replay} was told to be {outcome or state}"
                self._findings.add("outcomes", said)
            if changed and outcome not in ("cleared", "killed"):
                self._findings.add("outcomes", f"{replay_id} was told to be cancelled as {outcome}")

    def _compare_resolve(self, line: Line) -> None:
        """What is finished may be forgotten already."""
        for replay in self._in(line["ranges"]):
            if not replay.resolved:
                said = f"{replay} was told to be resolved, and is not"
                self._findings.add("outcomes", said)
        if line["resent_as"]:
            self._compare_copies(line["resent_as"], line)

    def _compare_retry(self, line: Line) -> None:
        if line["resent_as"] or line["count"]:
            self._compare_copies(line["resent_as"], line)
        for replay in self._in(line["ranges"]):
            if line["states"] and replay.outcome not in map(OUTCOMES.get, line["states"]):
                self._findings.add("copies", f"{replay} is retried, and nobody asked for it")
        if line["call"]:
            self._compare_answers(line["call"], (line["resent_as"], line["count"]))

    def _compare_copies(self, batch_id: str, line: Line) -> None:
        """A batch that sends others again has exactly those that its client was told of."""
        batch = self._log.batches.get(batch_id)
        if batch is None or batch.resends != line["batch"] or batch.count != line["count"]:
            said = f"{line['count']} replays of {line['batch']} that are sent again as {batch_id}"
            self._findings.add("lost", said)
        elif not batch.over:
            named = {
                replay.key.slot
                for batch_id, repeat, first, last in line["ranges"]
                for replay in batch.between(_range(batch.batch_id, repeat, first, last))
            }
            if named != batch.replays.keys():
                said = f"{batch_id} sends {len(batch.replays)} of {batch.resends} again, not the "
                self._findings.add("copies", said + f"{len(named)} that were told")

    def _in(self, ranges: Iterable[tuple[str, int, int, int]]) -> Iterator[Replay]:
        """Yields the replays in ranges, as far as they are not forgotten."""
        for each in ranges:
            batch = self._log.batches.get(each[0])
            if batch is not None:
                yield from batch.between(_range(*each))

    def _compare_count(self, line: Line) -> None:
        """A count is of one moment, and that moment lies after its cursor."""
        accepted, succeeded, failed, killed, cleared, interrupted = line["counts"]
        counts: Vector = (accepted, succeeded, failed, killed, cleared, interrupted)
        until = self._log.latest if counts == self._log.vector else self._log.until.get(counts, -1)
        if until < line["after"]:
            said = f"{counts} was counted after event {line['after']} and was never so"
            self._findings.add("counts", said)


def compare_transcript(line: Line, log: Log, findings: Findings) -> int:
    """Compares a message that a watcher was sent with the log; returns its events."""
    if "error" in line:
        if _DISK not in line["error"]:
            findings.add("watchers", f"a watcher was told {line['error']}")
        return 0
    after, last, kinds = line["after"], line["last"], frozenset(line["kinds"])
    seen = list(zip(line["events"][::2], line["events"][1::2], strict=True))
    if last > log.latest:
        findings.add("rewritten", f"a watcher was shown up to {last}; the log ends at {log.latest}")
        return len(seen)
    due = [at for at in range(after + 1, last + 1) if not kinds or log.kinds[at - 1] in kinds]
    if [at for at, _ in seen] != due or last < after:
        said = f"after {after} up to {last}, {_kinds(kinds)}: {len(seen)} events, not {len(due)}"
        findings.add("watchers", said)
    for at, checksum in seen:
        if 0 < at <= log.latest and log.checksums[at - 1] != checksum:
            findings.add("rewritten", f"a watcher was shown another event {at} than the log has")
    return len(seen)


def _range(batch_id: str, repeat: int, first: int, last: int) -> event_pb2.ReplayRange:
    return event_pb2.ReplayRange(
        batch_id=batch_id, repeat=repeat, first_index=first, last_index=last
    )


def _kinds(kinds: frozenset[int]) -> str:
    return " and ".join(event_pb2.EventKind.keys()[kind] for kind in sorted(kinds)) or "all kinds"

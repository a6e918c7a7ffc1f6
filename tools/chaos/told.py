"""The first book: what clients were told, and watchers shown. Reading it, and comparing it
with the log.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowreplay.v1 import event_pb2

from tools.chaos.findings import Findings
from tools.chaos.log import Log, Vector

Line = dict[str, Any]

_DISK = "; check the disk"
"""What a daemon may say whose disk was taken away."""

_WRONG = ("ALREADY_EXISTS", "INVALID_ARGUMENT", "INTERNAL", "NOT_FOUND")
"""What no Enqueue of chaos may be told."""


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
        self._pauses = {True: 0, False: 0}

    def compare(self, line: Line) -> None:
        """Compares what was told with the log, which has to be read that far."""
        what = line["what"]
        if what == "try":
            self._tries[line["call"]] = line["count"]
        elif what == "accepted":
            self._compare_accepted(line)
        elif what == "clear":
            self._compare_clear(line)
        elif what == "resolve":
            self._compare_resolve(line)
        elif what == "count":
            self._compare_count(line)
        elif what in ("pause", "resume"):
            self._pauses[what == "pause"] += line["changed"]
        else:
            self._broke(line)

    def settle(self) -> None:
        """Compares sums, once every line was read; forgets calls that are over."""
        for on, told in self._pauses.items():
            logged = self._log.changes.count(on)
            if told > logged:
                words = "pauses" if on else "resumptions"
                self._findings.add("pauses", f"{told} {words} were told, {logged} are logged")
        for call, count in self._tries.items():
            batch = self._log.labels.get(call)
            if batch is not None and len(batch.replays) > count:
                said = f"{call} has {len(batch.replays)} replays of {count} flows"
                self._findings.add("outcomes", said)
        self._tries.clear()
        self._accepted.clear()

    def _broke(self, line: Line) -> None:
        self.broken += 1
        # A batch that is to be cleared may have gone with retention.
        if "call" in line and line["code"] in _WRONG:
            self._findings.add("requests", f"a call was told {line}")

    def _compare_accepted(self, line: Line) -> None:
        call, batch_id, count = line["call"], line["batch"], line["count"]
        before = self._accepted.setdefault(call, (batch_id, count))
        if before != (batch_id, count):
            self._findings.add("requests", f"{call} was told {before}, then {(batch_id, count)}")
        if line["duplicate"]:
            self.duplicates += 1
        else:
            self.calls += 1
            self.acknowledged += count
        if count != self._tries.get(call, count) or line["refused"]:
            self._findings.add("requests", f"{call} was told {count}, of {self._tries[call]}")
        batch = self._log.batches.get(batch_id)
        if batch is None or batch.label != call:
            self._findings.add("lost", f"{call}, batch {batch_id}, with all {count} flows")
        elif len(batch.replays) != count:
            said = f"{call}, batch {batch_id}: {len(batch.replays)} of {count} are left"
            self._findings.add("lost", said)

    def _compare_clear(self, line: Line) -> None:
        cleared = 0
        for batch_id, first, last in line["ranges"]:
            batch = self._log.batches.get(batch_id)
            replays = batch.replays if batch is not None else {}
            states = [replays[i].outcome for i in range(first, last + 1) if i in replays]
            cleared += states.count("cleared")
        if cleared != line["count"]:
            said = f"{line['count']} were told to be cleared, {cleared} are"
            self._findings.add("outcomes", said)

    def _compare_resolve(self, line: Line) -> None:
        """What is finished may be forgotten already."""
        for batch_id, first, last in line["ranges"]:
            batch = self._log.batches.get(batch_id)
            replays = batch.replays if batch is not None else {}
            for index in range(first, last + 1):
                if index in replays and not replays[index].resolved:
                    said = f"{replays[index]} was told to be resolved, and is not"
                    self._findings.add("outcomes", said)

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


def _kinds(kinds: frozenset[int]) -> str:
    return " and ".join(event_pb2.EventKind.keys()[kind] for kind in sorted(kinds)) or "all kinds"

"""What resumed watchers were shown, against the log as one watcher saw it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from flowreplay.v1 import event_pb2

_TOLD = 20
"""Findings that are kept as words; all are counted."""


@dataclass(slots=True)
class Transcript:
    """The log as the watcher who never left saw it, and what others saw of it."""

    known: dict[int, int] = field(default_factory=dict)
    """A sequence -> what its event is, as a hash."""
    latest: int = 0
    shown: int = 0
    """Events that others were shown."""
    missed: int = 0
    repeated: int = 0
    different: int = 0
    findings: list[str] = field(default_factory=list)
    _unsure: list[tuple[int, int]] = field(default_factory=list)
    """Shown before the first watcher had it."""

    @property
    def wrong(self) -> int:
        """How much was not as it should be."""
        return self.missed + self.repeated + self.different

    def keep(self, events: Iterable[event_pb2.Event]) -> None:
        """Takes what the watcher who never leaves was sent next."""
        for event in events:
            self._follow(self.latest, event.sequence, "the first watcher")
            self.latest = event.sequence
            self.known[event.sequence] = _hash(event)

    def show(self, after: int, events: Iterable[event_pb2.Event]) -> int:
        """Takes what another was sent after a sequence; returns the last one it has."""
        for event in events:
            self.shown += 1
            self._follow(after, event.sequence, "a resumed one")
            self._compare(event.sequence, _hash(event))
            after = max(after, event.sequence)
        return after

    def settle(self) -> None:
        """Compares what was shown before the first watcher had it."""
        unsure, self._unsure = self._unsure, []
        for sequence, what in unsure:
            if sequence in self.known:
                self._compare(sequence, what)
            else:
                self.different += 1
                self._tell(f"event {sequence} was shown, and is not in the log")

    def _follow(self, after: int, sequence: int, who: str) -> None:
        if sequence <= after:
            self.repeated += 1
            self._tell(f"{who} was sent {sequence} again, after {after}")
        elif sequence > after + 1:
            self.missed += sequence - after - 1
            self._tell(f"{who} was sent {sequence} right after {after}")

    def _compare(self, sequence: int, what: int) -> None:
        if sequence not in self.known:
            self._unsure.append((sequence, what))
        elif self.known[sequence] != what:
            self.different += 1
            self._tell(f"event {sequence} was shown as another one")

    def _tell(self, finding: str) -> None:
        if len(self.findings) < _TOLD:
            self.findings.append(finding)


def _hash(event: event_pb2.Event) -> int:
    return hash(event.SerializeToString(deterministic=True))

"""The daemon's figures as families of Prometheus' metrics, looked up when they are asked for.

Units are seconds and bytes. What ends in `_total` only grows: over restarts, too, where the
journal knows it, since what retention removes stays counted.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from replayd.journal.interface import Journal
from replayd.model.target_state import BreakerState, TargetState

_SECOND = 1_000_000_000


class Calls(Protocol):
    """What is known of gRPC's calls."""

    started: Counter[tuple[str, str]]
    """How many began, by service and method."""
    handled: Counter[tuple[str, str, str]]
    """How many ended, by service, method and status."""


class Sources(NamedTuple):
    """Who is asked for figures beside the journal. All may be asked from any thread."""

    version: str
    start_time: int
    """Nanoseconds since the epoch."""
    concurrency: int
    ready: Callable[[], bool]
    """Whether calls are taken: not yet at the start, no more while what runs drains."""
    watchers: Callable[[], int]
    targets: Callable[[], Sequence[TargetState]]
    calls: Calls
    expires: Callable[[], int] | None = None
    """When the daemon's certificate ends, in seconds since the epoch; None: it has none."""
    data_dir: Path | None = None
    """Where the journal is; None: in memory."""


class Figures(Collector):
    """Asks the journal and the others for what they count. For a thread: it may wait for a disk."""

    def __init__(
        self,
        journal: Journal,
        sources: Sources,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._journal = journal
        self._sources = sources
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yields all families. Raises JournalError."""
        yield from self._about()
        yield from self._replays()
        yield from self._queue()
        yield from self._store()
        yield from self._grpc()

    def _about(self) -> Iterator[Metric]:
        sources = self._sources
        told = {"version": sources.version, "journal": self._journal.info.kind}
        yield InfoMetricFamily("replayd", "What runs: its version, and its kind of journal.", told)
        yield _gauge(
            "start_time_seconds", "When it started, since the epoch.", sources.start_time / _SECOND
        )
        yield _gauge("ready", "1: calls are taken; 0: it starts or drains.", sources.ready())
        yield _gauge(
            "concurrency", "Replays that may run at once (--concurrency).", sources.concurrency
        )
        yield _gauge("watchers", "Watchers that follow events.", sources.watchers())
        if sources.expires is not None:
            yield _gauge(
                "certificate_expiry_seconds",
                "When the certificate of --tls-cert ends, since the epoch.",
                sources.expires(),
            )

    def _replays(self) -> Iterator[Metric]:
        counts = self._journal.count("")
        ended = {
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "killed": counts.killed,
            "cleared": counts.cleared,
            "interrupted": counts.interrupted,
        }
        yield _counter(
            "replays_accepted",
            "Replays that were queued.",
            counts.queued + counts.running + sum(ended.values()),
        )
        family = CounterMetricFamily(
            "replayd_replays_ended", "Replays that ended, by how.", labels=["state"]
        )
        for state, count in ended.items():
            family.add_metric([state], count)
        yield family
        yield _gauge("replays_queued", "Replays that wait.", counts.queued)
        yield _gauge("replays_running", "Replays under way.", counts.running)
        yield _gauge(
            "replays_parked",
            "Interrupted replays that nobody has resolved yet.",
            counts.parked,
        )
        yield _gauge(
            "batches_open", "Batches whose capture is still being read.", counts.open_batches
        )
        running = self._journal.running()
        oldest = max(self._clock() - running[0].start, 0) / _SECOND if running else 0
        yield _gauge(
            "longest_running_seconds", "How long the oldest replay under way has run.", oldest
        )

    def _queue(self) -> Iterator[Metric]:
        journal, targets = self._journal, self._sources.targets()
        yield _gauge("queue_paused", "1: the queue is paused.", journal.paused)
        yield _gauge(
            "batches_paused",
            "Paused batches that have something left.",
            len(journal.paused_batches()),
        )
        yield _gauge(
            "sessions_held", "Sessions that wait for a parked replay.", journal.held_sessions
        )
        yield _gauge(
            "targets_left_alone",
            "Targets that --breaker keeps replays from.",
            sum(target.breaker is BreakerState.OPEN for target in targets),
        )
        yield _gauge(
            "sessions_waiting_for_targets",
            "Sessions that wait for a target's rate, or for its breaker.",
            sum(target.waiting for target in targets),
        )

    def _store(self) -> Iterator[Metric]:
        journal, data_dir = self._journal, self._sources.data_dir
        size = journal.size()
        yield _counter("events", "Events in the log, removed ones included.", journal.latest)
        yield _gauge(
            "journal_used_bytes",
            "What the journal holds (--retention-size is about this).",
            size.used,
        )
        yield _gauge(
            "journal_unused_bytes", "What its file has besides, and uses first.", size.free
        )
        yield _gauge("disk_full", "1: its disk is full, and nothing is sent.", journal.full)
        if data_dir is not None:
            disk = os.statvfs(data_dir)
            yield _gauge(
                "disk_available_bytes",
                "Room on the journal's disk (--disk-floor is about this).",
                disk.f_bavail * disk.f_frsize,
            )

    def _grpc(self) -> Iterator[Metric]:
        calls = self._sources.calls
        started = CounterMetricFamily(
            "grpc_server_started",
            "Calls that began.",
            labels=["grpc_service", "grpc_method"],
        )
        # The event loop counts meanwhile: a copy is made at once.
        for labels, count in calls.started.copy().items():
            started.add_metric([*labels], count)
        yield started
        handled = CounterMetricFamily(
            "grpc_server_handled",
            "Calls that ended, by their status.",
            labels=["grpc_service", "grpc_method", "grpc_code"],
        )
        for all_labels, count in calls.handled.copy().items():
            handled.add_metric([*all_labels], count)
        yield handled


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"replayd_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"replayd_{name}", text, value)

"""The figures, read back by Prometheus' own parser."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from replayd.metrics.figures import Figures, Sources
from replayd.model.replay import ReplayState
from replayd.model.target_state import BreakerState, TargetState
from tests.support.journals import NOW, enqueue, finish, row

SECOND = 10**9
LABELS = {"version", "journal", "state", "grpc_service", "grpc_method", "grpc_code"}
"""None of them names a host, a path, a client, a batch or a target."""


class Calls:
    """What is known of calls."""

    def __init__(self) -> None:
        self.started = Counter({("flowreplay.v1.ReplayService", "Count"): 2})
        self.handled = Counter({("flowreplay.v1.ReplayService", "Count", "OK"): 1})


def sources(data_dir: Path | None = None) -> Sources:
    """A daemon that started a second after `NOW`."""
    secret = TargetState("secret.test", 443, 1, 3, 0, 5, BreakerState.OPEN, NOW)
    return Sources(
        "1.2.3",
        NOW + SECOND,
        concurrency=4,
        ready=lambda: True,
        watchers=lambda: 7,
        targets=lambda: [secret, secret._replace(breaker=BreakerState.CLOSED)],
        calls=Calls(),
        expires=lambda: 99,
        data_dir=data_dir,
    )


@pytest.fixture
def journal() -> Iterator[Journal]:
    journal = open_memory(NOW)
    yield journal
    journal.close()


def text(journal: Journal, told: Sources) -> str:
    """What a scraper gets three seconds after `NOW`."""
    registry = CollectorRegistry()
    registry.register(Figures(journal, told, clock=lambda: NOW + 3 * SECOND))
    return generate_latest(registry).decode()


def samples(exposed: str) -> dict[tuple[str, ...], float]:
    """Names with the values of their labels -> values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }


def test_replays_are_counted_by_state_and_nothing_is_lost(journal: Journal) -> None:
    enqueue(journal, "one", [row(index) for index in range(6)])
    first, second, third = journal.take(3, NOW)
    finish(journal, first)
    finish(journal, second, ReplayState.FAILED)
    journal.commit()
    journal.pause(True, NOW)
    found = samples(text(journal, sources()))
    assert found["replayd_replays_accepted_total",] == 6
    assert found["replayd_replays_ended_total", "succeeded"] == 1
    assert found["replayd_replays_ended_total", "failed"] == 1
    assert found["replayd_replays_queued",] == 3
    assert found["replayd_replays_running",] == 1
    assert found["replayd_longest_running_seconds",] == 3
    assert found["replayd_queue_paused",] == 1
    assert found["replayd_events_total",] == journal.latest
    finish(journal, third)


def test_the_others_are_asked(journal: Journal) -> None:
    found = samples(text(journal, sources()))
    assert found["replayd_start_time_seconds",] == (NOW + SECOND) / SECOND
    assert found["replayd_ready",] == 1
    assert found["replayd_concurrency",] == 4
    assert found["replayd_watchers",] == 7
    assert found["replayd_targets_left_alone",] == 1
    assert found["replayd_sessions_waiting_for_targets",] == 6
    assert found["replayd_certificate_expiry_seconds",] == 99
    assert found["grpc_server_started_total", "Count", "flowreplay.v1.ReplayService"] == 2
    assert found["grpc_server_handled_total", "OK", "Count", "flowreplay.v1.ReplayService"] == 1
    assert ("replayd_disk_available_bytes",) not in found, "it is in memory"


def test_totals_go_on_after_a_restart(tmp_path: Path) -> None:
    journal = open_sqlite(tmp_path / "data", NOW)
    enqueue(journal, "one", [row(0), row(1)])
    finish(journal, *journal.take(1, NOW))
    journal.commit()
    before = samples(text(journal, sources(tmp_path)))
    journal.close()
    again = open_sqlite(tmp_path / "data", NOW)
    after = samples(text(again, sources(tmp_path)))
    again.close()
    totals = {key for key in before if key[0].endswith("_total")}
    assert all(after[key] >= before[key] for key in totals)
    assert after["replayd_replays_ended_total", "succeeded"] == 1
    assert after["replayd_disk_available_bytes",] > 0
    assert after["replayd_journal_used_bytes",] > 0


def test_names_and_labels_are_as_prometheus_wants_them(journal: Journal) -> None:
    families = list(text_string_to_metric_families(text(journal, sources())))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert family.name.startswith(("replayd_", "grpc_server_"))
        # What promtool says of names: base units, `_total` for what only grows, and only there.
        assert not family.name.endswith(("_ms", "_milliseconds", "_kib", "_count", "_info_total"))
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
            assert sample.labels.keys() <= LABELS, sample.labels


def test_what_is_secret_is_not_told(journal: Journal, tmp_path: Path) -> None:
    enqueue(journal, "batchname", [row(0)])
    exposed = text(journal, sources(tmp_path))
    for word in ("secret.test", "batchname", "a.test", str(tmp_path), journal.info.store_id):
        assert word not in exposed

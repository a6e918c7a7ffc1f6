"""The replay thread: order, taking, stopping, and a journal that fails."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.errors import JournalError
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from replayd.model.replay import Replay, ReplayKey
from replayd.replay.clock import Clock
from tests.support.disks import Disk
from tests.support.processes import DEADLINE
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, Peer, ScriptedServer, answers, silent


def statuses(events: Iterable[event_pb2.Event]) -> list[int]:
    return [event.response.head.status_code for event in events]


def paths(server: ScriptedServer) -> list[bytes]:
    return [request.split(b" ")[1] for request in server.requests]


def hangs(peer: Peer) -> None:
    """Answers as soon as the test says so, then at once."""
    peer.request()
    peer.until_released()
    peer.send(OK)
    while True:
        peer.answer()


# Order


def test_replays_one_after_the_other() -> None:
    with ScriptedServer(answers(*[OK] * 20)) as server, Replaying() as replaying:
        ended = replaying.run(*(flow(server.port, path=b"/%d" % n) for n in range(20)))
        assert statuses(ended) == [200] * 20
        assert paths(server) == [b"/%d" % n for n in range(20)]
        assert len(server.peers) == 1


def test_nothing_overtakes_at_concurrency_1() -> None:
    with (
        ScriptedServer(hangs) as server,
        ScriptedServer(answers(OK)) as other,
        Replaying() as replaying,
    ):
        batch = replaying.enqueue(flow(server.port, session="a"), flow(other.port, session="b"))
        server.wait_for_peers(1)
        counts = replaying.journal.count("")
        assert (counts.running, counts.queued) == (1, 1)
        assert other.peers == []
        server.released.set()
        assert statuses(replaying.outcomes(batch, 2)) == [200, 200]


def test_other_sessions_overtake_above_1_and_their_own_never_do() -> None:
    with (
        ScriptedServer(hangs) as slow,
        ScriptedServer(answers(OK, OK, OK)) as fast,
        Replaying(concurrency=2) as replaying,
    ):
        batch = replaying.enqueue(
            flow(slow.port, session="a"),
            flow(fast.port, session="b", path=b"/1"),
            flow(fast.port, session="a", path=b"/after"),
            flow(fast.port, session="b", path=b"/2"),
        )
        replaying.outcomes(batch, 2)
        assert paths(fast) == [b"/1", b"/2"]
        slow.released.set()
        assert statuses(replaying.outcomes(batch, 4)) == [200] * 4
        assert paths(fast)[-1] == b"/after"


def test_as_many_are_in_flight_as_allowed() -> None:
    with ScriptedServer(hangs) as server, Replaying(concurrency=5) as replaying:
        batch = replaying.enqueue(*(flow(server.port) for _ in range(8)))
        server.wait_for_peers(5)
        counts = replaying.journal.count("")
        assert (counts.running, counts.queued, len(server.peers)) == (5, 3, 5)
        server.released.set()
        assert statuses(replaying.outcomes(batch, 8)) == [200] * 8


def test_batches_come_in_order_of_acceptance_and_wake_an_idle_thread() -> None:
    with ScriptedServer(answers(*[OK] * 9)) as server, Replaying() as replaying:
        for name in (b"/a", b"/b", b"/c"):
            assert statuses(replaying.run(flow(server.port, path=name))) == [200]
        assert paths(server) == [b"/a", b"/b", b"/c"]


def test_a_paused_queue_gives_nothing_until_it_resumes() -> None:
    journal = open_memory(time.time_ns())
    journal.pause(True, time.time_ns())
    with ScriptedServer(answers(OK)) as server, Replaying(journal=journal) as replaying:
        batch = replaying.enqueue(flow(server.port))
        assert journal.count("").queued == 1
        journal.pause(False, time.time_ns())
        assert statuses(replaying.outcomes(batch, 1)) == [200]


def test_a_plan_that_can_not_be_read_ends_its_replay_only() -> None:
    class Damaged(Failing):
        def take(self, limit: int, now: int) -> list[Replay]:
            return [damage(each) for each in self.journal.take(limit, now)]

    def damage(replay: Replay) -> Replay:
        plan = b"\xff" if replay.key.flow_index == 0 else replay.plan
        return Replay(replay.key, replay.session, replay.idempotent, 1, plan, b"")

    with ScriptedServer(answers(OK)) as server, Replaying(journal=Damaged()) as replaying:
        first, second = replaying.run(flow(server.port), flow(server.port))
        assert first.error.reason == reason_pb2.REASON_INTERNAL
        assert statuses([second]) == [200]


# Stopping


def test_stops_at_once_when_nothing_runs() -> None:
    with Replaying() as replaying:
        replaying.thread.stop(60)
        assert replaying.thread.join(DEADLINE)


def test_what_runs_may_end_within_the_grace_and_nothing_new_begins() -> None:
    with ScriptedServer(hangs) as server, Replaying() as replaying:
        batch = replaying.enqueue(flow(server.port), flow(server.port))
        server.wait_for_peers(1)
        replaying.thread.stop(DEADLINE)
        server.released.set()
        assert replaying.thread.join(DEADLINE)
        assert statuses(replaying.outcomes(batch, 1)) == [200]
        assert replaying.journal.count("").queued == 1


def test_what_outlives_the_grace_is_left_without_an_outcome() -> None:
    with ScriptedServer(silent) as server, Replaying() as replaying:
        replaying.enqueue(flow(server.port))
        server.wait_for_peers(1)
        replaying.thread.stop(0.05)
        assert replaying.thread.join(DEADLINE)
        assert replaying.journal.count("").running == 1
        assert [event.WhichOneof("payload") for event in replaying.events()] == [
            "update",
            "request",
        ]


def test_a_second_stop_hurries() -> None:
    with ScriptedServer(silent) as server, Replaying() as replaying:
        replaying.enqueue(flow(server.port))
        server.wait_for_peers(1)
        replaying.thread.stop(1000)
        replaying.thread.stop(0)
        assert replaying.thread.join(DEADLINE)


def test_a_second_stop_never_prolongs() -> None:
    with ScriptedServer(silent) as server, Replaying() as replaying:
        replaying.enqueue(flow(server.port))
        server.wait_for_peers(1)
        replaying.thread.stop(0.05)
        replaying.thread.stop(1000)
        assert replaying.thread.join(DEADLINE)


def test_a_thread_that_was_never_started_has_ended() -> None:
    replaying = Replaying()
    replaying.thread.stop(0)
    assert replaying.thread.join(0)


# A journal that fails


class Failing:
    """A journal in memory whose steps fail as long as they are named in `broken`."""

    def __init__(self, *broken: str) -> None:
        self.journal: Journal = open_memory(time.time_ns())
        self.broken = set(broken)
        self.failure = ""
        self.called: list[str] = []
        self._changed = threading.Condition()

    def wait_for(self, name: str, count: int = 1) -> None:
        """Waits until a step was called so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.called.count(name) >= count, DEADLINE)

    def _check(self, name: str) -> None:
        with self._changed:
            self.called.append(name)
            self._changed.notify_all()
        if name in self.broken:
            raise JournalError("disk full")

    def take(self, limit: int, now: int) -> list[Replay]:
        self._check("take")
        return self.journal.take(limit, now)

    def begin(self, replays: Iterable[Replay]) -> bool:
        self._check("begin")
        return self.journal.begin(replays)

    def finish(self, *ended: Any) -> bool:
        self._check("finish")
        return self.journal.finish(*ended)

    def commit(self, *, wait: bool = True) -> None:
        self._check("commit")
        self.journal.commit(wait=wait)

    def content(self, *of: Any) -> Iterator[bytes]:
        self._check("content")
        return self.journal.content(*of)

    def new_body(self) -> Any:
        self._check("new_body")
        return self.journal.new_body()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


@pytest.mark.parametrize("step", ["take", "begin", "commit"])
def test_a_journal_that_can_not_store_makes_it_wait_and_loses_nothing(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Failing(step)
    with ScriptedServer(answers(OK, OK)) as server, Replaying(journal=journal) as replaying:
        batch = replaying.enqueue(flow(server.port), flow(server.port, method=b"POST"))
        journal.wait_for(step)
        assert step != "begin" or server.peers == []
        journal.broken.clear()
        assert statuses(replaying.outcomes(batch, 2)) == [200, 200]
        requests = [event for event in replaying.events() if event.HasField("request")]
        assert len(requests) == 2
        assert len(server.requests) == 2
    assert "disk full" in caplog.text


def test_waiting_for_the_journal_takes_nothing_of_the_time_to_replay() -> None:
    journal = Failing("begin")
    ahead = [0]
    clock = Clock(monotonic=lambda: time.monotonic_ns() + ahead[0])
    with (
        ScriptedServer(answers(OK)) as server,
        Replaying(journal=journal, clock=clock) as replaying,
    ):
        batch = replaying.enqueue(flow(server.port, method=b"POST"))
        journal.wait_for("begin")
        ahead[0] = 3600 * 10**9
        journal.broken.clear()
        assert statuses(replaying.outcomes(batch, 1)) == [200]


def test_nothing_new_is_taken_while_the_journal_can_not_store() -> None:
    journal = Failing("commit")

    def hangs_at_the_second(peer: Peer) -> None:
        peer.answer()
        hangs(peer)

    with ScriptedServer(hangs_at_the_second) as server, Replaying(journal=journal) as replaying:
        batch = replaying.enqueue(*[flow(server.port, session="s")] * 3)
        journal.wait_for("commit")
        server.released.set()
        journal.wait_for("finish", 2)
        journal.wait_for("commit", journal.called.count("commit") + 1)
        assert "take" not in journal.called[journal.called.index("commit") :]
        journal.broken.clear()
        assert statuses(replaying.outcomes(batch, 3)) == [200, 200, 200]


def test_a_journal_that_failed_for_good_ends_the_thread_and_is_told() -> None:
    journal = Failing("commit")
    journal.failure = "fsync failed"
    with ScriptedServer(answers(OK)) as server, Replaying(journal=journal) as replaying:
        replaying.enqueue(flow(server.port))
        assert replaying.thread.join(DEADLINE)
        assert [error.message for error in replaying.failures] == ["disk full"]


def test_a_body_that_can_not_be_stored_fails_its_replay() -> None:
    journal = Failing("new_body")
    with ScriptedServer(answers(OK)) as server, Replaying(journal=journal) as replaying:
        (failed,) = replaying.run(flow(server.port))
        assert failed.error.reason == reason_pb2.REASON_JOURNAL_UNAVAILABLE
        assert failed.error.head.status_code == 200


def test_replays_go_on_while_the_disk_takes_a_large_content(tmp_path: Path, disk: Disk) -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000)

    def script(peer: Peer) -> None:
        peer.answer(large)
        peer.answer()
        disk.go_on.set()
        peer.until_closed()

    with (
        closing(open_sqlite(tmp_path / "data", time.time_ns())) as journal,
        ScriptedServer(script) as server,
        Replaying(journal=journal) as replaying,
    ):
        disk.go_on.clear()
        ended = replaying.run(flow(server.port), flow(server.port))
        assert statuses(ended) == [200, 200]
        events = [event.WhichOneof("payload") for event in replaying.events()]
        assert events == ["update", "request", "response", "request", "response"]
        assert "folder" in disk.synced


def test_a_fault_of_our_own_in_the_loop_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Failing):
        def begin(self, replays: Iterable[Replay]) -> None:
            raise TypeError("seeded")

    with ScriptedServer(answers(OK)) as server, Replaying(journal=Broken()) as replaying:
        replaying.enqueue(flow(server.port))
        assert replaying.thread.join(DEADLINE)
        assert "seeded" in replaying.failures[0].message
    assert "the replay thread failed" in caplog.text


def test_a_flow_of_before_redaction_is_redacted_when_it_is_sent() -> None:
    journal = open_memory(time.time_ns())
    taken = journal.take

    def take(limit: int, now: int) -> list[Replay]:
        return [each._replace(shown_plan=None) for each in taken(limit, now)]

    journal.take = take  # type: ignore[method-assign]
    content = b"password=s3cr3t"
    with ScriptedServer(answers(OK)) as server, Replaying(journal=journal) as replaying:
        (ended,) = replaying.run(
            flow(server.port, method=b"POST", path=b"/?token=s3cr3t", content=content)
        )
        told = replaying.events()[1].request
        assert b"s3cr3t" not in told.SerializeToString() + ended.SerializeToString()
        assert told.content_redacted
        assert b"token=s3cr3t" in server.requests[0]


# Cancelling


def cancel(replaying: Replaying, *replay_ids: str) -> list[str]:
    """Cancels; returns what was killed, once the thread has said so."""
    killed: list[ReplayKey] = []
    told = threading.Event()
    keys = [ReplayKey.parse(replay_id) for replay_id in replay_ids]
    replaying.thread.cancel(keys, lambda found: (killed.extend(found), told.set()), told.set)
    assert told.wait(DEADLINE)
    return [key.replay_id for key in killed]


def test_what_runs_is_killed_with_its_connection_and_its_session_goes_on() -> None:
    with (
        ScriptedServer(hangs, answers(OK)) as server,
        Replaying() as replaying,
    ):
        batch = replaying.enqueue(
            flow(server.port, session="a"), flow(server.port, session="a", path=b"/next")
        )
        server.wait_for_peers(1)
        assert cancel(replaying, "batch1.0", "batch1.1", "other.0") == ["batch1.0"]
        first, second = replaying.outcomes(batch, 2)
        assert (first.error.state, first.error.reason) == (
            event_pb2.REPLAY_STATE_KILLED,
            reason_pb2.REASON_CANCELLED,
        )
        assert first.error.connection.address == f"127.0.0.1:{server.port}"
        assert statuses([second]) == [200]
        assert len(server.peers) == 2
        assert replaying.journal.count("").killed == 1
        server.released.set()


def test_one_that_waits_for_a_journal_that_stores_again_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = open_memory(time.time_ns())
    begin, failing = journal.begin, threading.Event()

    def fails_first(replays: Iterable[Replay]) -> bool:
        if not failing.is_set():
            failing.set()
            raise JournalError("disk full")
        return begin(replays)

    monkeypatch.setattr(journal, "begin", fails_first)
    with ScriptedServer(answers(OK)) as server, Replaying(journal=journal) as replaying:
        batch = replaying.enqueue(flow(server.port, path=b"/0"), flow(server.port, path=b"/1"))
        assert failing.wait(DEADLINE)
        assert cancel(replaying, "batch1.0") == ["batch1.0"]
        first, second = replaying.outcomes(batch, 2)
        assert first.error.reason == reason_pb2.REASON_CANCELLED
        assert statuses([second]) == [200]
        assert paths(server) == [b"/1"]

import threading

import grpc
import pytest
from flowreplay.v1 import replay_pb2 as pb
from flowreplay_client import (
    Client,
    EventsCompacted,
    ReplaydClientError,
    Unreachable,
    connect,
    request_flow,
)

from tests.support.daemon import Daemon
from tests.support.fake_daemon import COMPACTED, FOREIGN, HANG, STOPPING, FakeDaemon, Refuse, events
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder

HELLO = events(cursor="0")
FULL = Refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_WATCHERS")


def starts(fake: FakeDaemon) -> list[str | int]:
    """Where each stream was asked to start."""
    requests = [each for each in fake.requests if isinstance(each, pb.WatchEventsRequest)]
    return [each.cursor or each.position for each in requests]


def test_it_ends_when_the_daemon_is_idle(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, events(1, 2), events(3)])
    with client.watch(until_idle=True, start="start") as watch:
        assert [event.sequence for event in watch] == [1, 2, 3]
    assert watch.cursor == "3"
    assert list(watch) == []


def test_it_is_watching_when_it_returns(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([events(cursor="7", paused=True), HANG])
    with client.watch() as watch:
        assert (watch.cursor, watch.paused) == ("7", True)


def test_it_goes_on_after_a_restart_and_drops_what_it_knows(
    client: Client, fake: FakeDaemon
) -> None:
    fake.watches.append([HELLO, events(1, 2), STOPPING])
    fake.watches.append([FULL])
    fake.watches.append([events(cursor="2"), events(2, 3), events(4)])
    lost: list[ReplaydClientError] = []
    returns: list[int] = []
    with client.watch(
        on_interruption=lost.append, on_return=lambda: returns.append(len(lost))
    ) as watch:
        assert [event.sequence for event in watch] == [1, 2, 3, 4]
    assert returns == [2], "one return, after both tries that failed"
    assert starts(fake) == [pb.START_POSITION_NOW, "2", "2"]
    assert [error.reason for error in lost] == ["DAEMON_STOPPING", "TOO_MANY_WATCHERS"]


def test_it_waits_for_a_daemon_that_comes_back(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, events(1), HANG])
    fake.watches.append([events(cursor="1"), events(2)])
    stopped = threading.Event()

    def come_back(error: ReplaydClientError) -> None:
        assert isinstance(error, Unreachable) or error.code is grpc.StatusCode.CANCELLED
        if not stopped.is_set():
            stopped.set()
            fake.start()

    with client.watch(on_interruption=come_back) as watch:
        assert next(watch).sequence == 1
        fake.stop()
        assert next(watch).sequence == 2


def test_an_unreachable_daemon_is_an_error_at_the_start() -> None:
    with connect("unix:/nowhere/at.all") as client, pytest.raises(Unreachable):
        client.watch()


@pytest.mark.parametrize(
    ("refusal", "kind"), [(FOREIGN, ReplaydClientError), (COMPACTED, EventsCompacted)]
)
def test_what_waiting_does_not_mend_is_raised(
    client: Client, fake: FakeDaemon, refusal: Refuse, kind: type[ReplaydClientError]
) -> None:
    fake.watches.append([refusal])
    with pytest.raises(kind) as caught:
        client.watch(start="c")
    assert caught.value.reason == refusal.reason
    fake.watches.append([HELLO, events(1), refusal])
    watch = client.watch()
    assert next(watch).sequence == 1
    with pytest.raises(kind):
        next(watch)


def test_gaps_are_skipped_when_asked(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([COMPACTED])
    fake.watches.append([events(cursor="4"), events(5), COMPACTED])
    fake.watches.append([events(cursor="7"), events(8)])
    gaps: list[ReplaydClientError] = []
    with client.watch(start="c", skip_gaps=True, on_interruption=gaps.append) as watch:
        assert [event.sequence for event in watch] == [5, 8]
    assert starts(fake) == ["c", pb.START_POSITION_START, pb.START_POSITION_START]
    assert all(isinstance(gap, EventsCompacted) for gap in gaps)


def test_another_thread_may_close_it(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, events(1), HANG])
    watch = client.watch()
    assert next(watch).sequence == 1
    left: list[object] = []
    reader = threading.Thread(target=lambda: left.extend(watch))
    reader.start()
    watch.close()
    reader.join(DEADLINE)
    assert not reader.is_alive()
    assert left == []


def test_closing_ends_the_wait_for_a_daemon_too(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, STOPPING])
    watch = client.watch(on_interruption=lambda _error: watch.close())
    assert list(watch) == []


def test_what_the_callback_raises_ends_it(client: Client, fake: FakeDaemon) -> None:
    class EnoughError(Exception):
        pass

    def give_up(error: ReplaydClientError) -> None:
        raise EnoughError from error

    fake.watches.append([HELLO, STOPPING])
    with client.watch(on_interruption=give_up) as watch, pytest.raises(EnoughError):
        next(watch)


def test_a_daemon_that_says_nothing_is_late(fake: FakeDaemon) -> None:
    fake.watches.append([HANG])
    with (
        connect(fake.address, timeout=0.05) as client,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        client.watch()


def test_a_server_that_ends_without_a_word_is_no_replayd(client: Client, fake: FakeDaemon) -> None:
    fake.watches.append([])
    with pytest.raises(ReplaydClientError, match="is it a replayd"):
        client.watch()


def test_nothing_is_missed_or_repeated_across_restarts_of_a_real_daemon(
    start_daemon: type[Daemon], target: Recorder
) -> None:
    daemon = start_daemon()
    flows = [request_flow("GET", f"http://{target.address}/{number}") for number in range(50)]
    with connect(daemon.address) as client, client.watch() as watch:
        sequences = []
        for end in (daemon.terminate, daemon.kill, None):
            batch = client.enqueue(flows)
            answered = 0
            while answered < len(flows):
                event = next(watch)
                sequences.append(event.sequence)
                answered += event.batch_id == batch.batch_id and event.HasField("response")
            if end is not None:
                end()
                daemon.restart()
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))

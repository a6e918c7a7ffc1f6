"""What watchers say of a log, against a scripted daemon's answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from flowreplay.v1.event_pb2 import Event, LogEvent, ResponseEvent
from flowreplay.v1.replay_pb2 import WatchEventsRequest, WatchEventsResponse

from benchmarks import watcher


def log(monkeypatch: pytest.MonkeyPatch, *sequences: int) -> list[WatchEventsRequest]:
    """Lets the daemon's log have these events, the odd ones outcomes; what is asked for."""
    asked: list[WatchEventsRequest] = []

    class Stub:
        def __init__(self, _channel: object) -> None:
            pass

        async def WatchEvents(  # noqa: N802 - the contract's name
            self, request: WatchEventsRequest
        ) -> AsyncIterator[WatchEventsResponse]:
            asked.append(request)
            yield WatchEventsResponse()
            for number in sequences:
                event = Event(sequence=number)
                event.record_time.FromSeconds(100 * number)
                if number % 2:
                    event.response.CopyFrom(ResponseEvent())
                else:
                    event.log.CopyFrom(LogEvent())
                yield WatchEventsResponse(events=[event])
            yield WatchEventsResponse()

    monkeypatch.setattr(watcher, "ReplayServiceStub", Stub)
    return asked


def test_every_watcher_counts_every_event_and_outcome(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = log(monkeypatch, 5, 6, 7, 8)
    both = asyncio.run(watcher.follow_all(2, "127.0.0.1:9", "cursor", "batch"))
    assert len(both) == 2
    for seen in both:
        assert (seen.events, seen.missing, seen.outcomes) == (4, 0, 2)
        assert seen.p99 >= seen.p50 > 0
        assert seen.ended == 700
    assert capsys.readouterr().out == "watching\n"
    assert asked == 2 * [WatchEventsRequest(cursor="cursor", batch_id="batch", until_idle=True)]


@pytest.mark.parametrize(
    ("sequences", "missing"), [((5, 7), 1), ((5, 5), 1), ((5, 4, 5), 1), ((5, 7, 9), 2)]
)
def test_gaps_and_repeats_are_counted(
    sequences: tuple[int, ...], missing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(monkeypatch, *sequences)
    (seen,) = asyncio.run(watcher.follow_all(1, "127.0.0.1:9", ""))
    assert seen.missing == missing


def test_no_watcher_sees_nothing() -> None:
    with watcher.watching("127.0.0.1:9", "", 0) as nobody:
        assert nobody.finish() == []

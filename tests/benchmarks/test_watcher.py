"""What a watcher says of a log, against a scripted daemon's answers."""

from collections.abc import Iterator

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

        def WatchEvents(  # noqa: N802 - the contract's name
            self, request: WatchEventsRequest
        ) -> Iterator[WatchEventsResponse]:
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


def test_every_event_and_outcome_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = log(monkeypatch, 5, 6, 7, 8)
    seen = watcher.follow("127.0.0.1:9", "cursor", "batch")
    assert (seen.events, seen.missing, seen.outcomes) == (4, 0, 2)
    assert seen.p99 >= seen.p50 > 0
    assert seen.ended == 700
    assert capsys.readouterr().out == "watching\n"
    assert asked == [WatchEventsRequest(cursor="cursor", batch_id="batch", until_idle=True)]


@pytest.mark.parametrize(
    ("sequences", "missing"), [((5, 7), 1), ((5, 5), 1), ((5, 4, 5), 1), ((5, 7, 9), 2)]
)
def test_gaps_and_repeats_are_counted(
    sequences: tuple[int, ...], missing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(monkeypatch, *sequences)
    assert watcher.follow("127.0.0.1:9", "").missing == missing

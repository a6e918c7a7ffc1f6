import grpc
import pytest
from flowreplay.v1 import event_pb2, replay_pb2
from flowreplay.v1.replay_pb2 import WatchEventsResponse
from flowreplay_client import EventsCompacted, ReplaydClientError, Unreachable, WatchSettings
from flowreplay_client.bookmark import Bookmark, kind_names

from tests.support.fake_daemon import events

GONE = Unreachable("", "gone", {}, grpc.StatusCode.UNAVAILABLE)
FULL = ReplaydClientError("TOO_MANY_WATCHERS", "full", {}, grpc.StatusCode.RESOURCE_EXHAUSTED)
CUT = ReplaydClientError("", "cut", {}, grpc.StatusCode.CANCELLED)
FOREIGN = ReplaydClientError("CURSOR_FOREIGN", "", {}, grpc.StatusCode.FAILED_PRECONDITION)
GAP = EventsCompacted("SEQUENCE_COMPACTED", "gap", {}, grpc.StatusCode.OUT_OF_RANGE)


def begun(settings: WatchSettings | None = None) -> Bookmark:
    bookmark = Bookmark(settings or {})
    bookmark.begin(events(cursor="0"))
    return bookmark


def take(bookmark: Bookmark, response: WatchEventsResponse) -> list[int]:
    return [event.sequence for event in bookmark.receive(response)]


def test_settings_become_a_request() -> None:
    settings = WatchSettings(
        start="start",
        kinds=["log", "error"],
        batch_id="b",
        content_limit=0,
        until_idle=True,
        filter="~q",
    )
    assert Bookmark(settings).request() == replay_pb2.WatchEventsRequest(
        position=replay_pb2.START_POSITION_START,
        kinds=[event_pb2.EVENT_KIND_LOG, event_pb2.EVENT_KIND_ERROR],
        batch_id="b",
        content_limit_bytes=0,
        until_idle=True,
        filter="~q",
    )


def test_secrets_are_asked_for() -> None:
    assert not Bookmark({}).request().reveal_secrets
    assert Bookmark({"secrets": True}).request().reveal_secrets


def test_a_watch_starts_now_unless_told_otherwise() -> None:
    assert Bookmark({}).request().position == replay_pb2.START_POSITION_NOW
    assert not Bookmark({}).request().HasField("content_limit_bytes")
    assert Bookmark({"start": "c"}).request().cursor == "c"


def test_a_kind_that_nobody_knows_is_refused_with_those_that_are() -> None:
    assert kind_names() == ["request", "response", "error", "log", "update"]
    with pytest.raises(ValueError, match="'flow' is not a kind of event; use request"):
        Bookmark({"kinds": ["flow"]})


def test_once_begun_it_goes_on_after_its_cursor() -> None:
    bookmark = begun({"start": "now"})
    assert bookmark.request().cursor == "0"
    assert take(bookmark, events(1, 2)) == [1, 2]
    assert bookmark.request().cursor == "2"
    take(bookmark, events(cursor="7"))  # progress
    assert bookmark.request().cursor == "7"


def test_repeated_events_are_dropped() -> None:
    bookmark = begun()
    assert take(bookmark, events(1, 2)) == [1, 2]
    assert take(bookmark, events(1, 2, 3)) == [3]
    assert take(bookmark, events(2, cursor="9")) == []
    assert bookmark.cursor == "9"


def test_the_cursor_never_runs_ahead_of_what_was_handed_out() -> None:
    bookmark = begun()
    cursors = []
    for _event in bookmark.receive(events(1, 2, 3)):
        cursors.append(bookmark.cursor)  # noqa: PERF401 - at the time of each event
    assert cursors == ["0", "0", "3"]


def test_it_knows_whether_the_queue_is_paused() -> None:
    bookmark = Bookmark({})
    bookmark.begin(events(paused=True))
    assert bookmark.paused
    take(bookmark, events(1))
    assert not bookmark.paused


@pytest.mark.parametrize("error", [GONE, FULL, CUT])
def test_a_watch_that_had_begun_survives_what_passes(error: ReplaydClientError) -> None:
    bookmark = begun()
    delays = [bookmark.after(error) for _ in range(9)]
    assert delays[-1] > delays[0] > 0
    bookmark.begin(events())
    assert bookmark.after(error) < 1


@pytest.mark.parametrize("error", [GONE, FULL, CUT, FOREIGN, GAP])
def test_a_watch_that_had_not_begun_fails(error: ReplaydClientError) -> None:
    with pytest.raises(type(error)) as caught:
        Bookmark({}).after(error)
    assert caught.value is error


@pytest.mark.parametrize("error", [FOREIGN, GAP])
def test_what_does_not_pass_ends_it(error: ReplaydClientError) -> None:
    with pytest.raises(type(error)):
        begun().after(error)


def test_gaps_are_skipped_when_asked() -> None:
    bookmark = begun({"skip_gaps": True})
    take(bookmark, events(1, 2))
    bookmark.after(GAP)
    assert bookmark.request().position == replay_pb2.START_POSITION_START
    bookmark.begin(events(cursor="4"))
    assert take(bookmark, events(5, 6)) == [5, 6]
    assert bookmark.request().cursor == "6"

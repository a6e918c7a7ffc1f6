"""WatchEvents: gapless, resumable, filtered, and ending as it says."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from unittest.mock import Mock, patch

import grpc
import pytest
from flowreplay.v1 import event_pb2, replay_pb2

from replayd.codec.cursor import Cursor, decode_cursor, encode_cursor
from replayd.codec.event import log_event
from replayd.codec.websocket import encode_conversation
from replayd.errors import JournalError
from replayd.journal.interface import Limits
from replayd.journal.ledger import not_found
from replayd.model.event import PREVIEW_LIMIT, LogLevel
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.replay import Counts
from replayd.reasons import Reason
from replayd.rpc import watch
from replayd.rpc.shown import Shown
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows

START = replay_pb2.START_POSITION_START


def run(folder: Path, test: Callable[[Served], Awaitable[None]], **values: int) -> None:
    async def serve() -> None:
        async with serving(folder, **values) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


def request(**values: object) -> replay_pb2.WatchEventsRequest:
    return replay_pb2.WatchEventsRequest(**values)  # type: ignore[arg-type]


async def all_events(served: Served, asked: replay_pb2.WatchEventsRequest) -> list[event_pb2.Event]:
    return [event async for answer in served.stub.WatchEvents(asked) for event in answer.events]


async def next_events(
    answers: AsyncIterator[replay_pb2.WatchEventsResponse],
) -> replay_pb2.WatchEventsResponse:
    async for answer in answers:
        if answer.events:
            return answer
    raise AssertionError("the stream ended")


def note(served: Served, text: str) -> None:
    served.journal.emit([log_event(LogLevel.INFO, text, 1)])
    served.journal.commit()


def test_the_first_answer_comes_at_once_with_the_cursor(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        note(served, "before")
        call = aiter(served.stub.WatchEvents(request()))
        first = await anext(call)
        assert list(first.events) == []
        note(served, "after")
        answer = await next_events(call)
        assert [event.log.message for event in answer.events] == ["after"]
        resumed = aiter(served.stub.WatchEvents(request(cursor=first.cursor)))
        assert (await next_events(resumed)).events[0].log.message == "after"

    run(tmp_path, test)


def test_until_idle_sends_everything_and_ends(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(3)]))
        watching = asyncio.ensure_future(
            all_events(served, request(position=START, until_idle=True))
        )
        for _ in range(3):
            await asyncio.to_thread(served.replay)
        events = await watching
        assert [event.sequence for event in events] == [1, 2, 3, 4]
        assert [event.WhichOneof("payload") for event in events] == ["update"] + ["response"] * 3

    run(tmp_path, test)


def test_until_idle_waits_on_a_paused_queue_and_says_so(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        served.journal.pause(True, 1)
        await served.stub.Enqueue(iter([flows(1)]))
        call = aiter(served.stub.WatchEvents(request(until_idle=True)))
        assert (await anext(call)).paused
        served.journal.pause(False, 1)
        served.replay()
        answers = [answer async for answer in call]
        assert not answers[-1].paused

    run(tmp_path, test)


def test_a_batch_is_watched_with_what_concerns_the_whole_queue(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        mine = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        await served.stub.Enqueue(iter([flows(1)]))
        served.journal.pause(True, 1)
        served.journal.pause(False, 1)
        served.replay()
        found = await all_events(served, request(position=START, batch_id=mine, until_idle=True))
        assert {event.batch_id for event in found} == {mine, ""}
        assert len(found) == 4

    run(tmp_path, test)


def test_a_batch_is_idle_however_much_others_log(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        mine = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        served.replay()
        count = served.journal.count

        def while_others_log(batch_id: str) -> Counts:
            note(served, "another one")
            return count(batch_id)

        with patch.object(served.journal, "count", while_others_log):
            found = await all_events(
                served, request(position=START, batch_id=mine, until_idle=True)
            )
        assert [event.WhichOneof("payload") for event in found][:2] == ["update", "response"]

    run(tmp_path, test)


def test_a_batch_is_watched_without_what_was_cleared_of_others(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        mine = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        served.replay()
        await served.stub.Enqueue(iter([flows(1)]))
        await served.stub.Clear(replay_pb2.ClearRequest())
        await served.stub.Pause(replay_pb2.PauseRequest())
        found = await all_events(served, request(position=START, batch_id=mine, until_idle=True))
        kinds = [event.update.kind for event in found if event.HasField("update")]
        assert kinds == [event_pb2.UPDATE_KIND_QUEUED, event_pb2.UPDATE_KIND_PAUSED]

    run(tmp_path, test)


def test_kinds_filter_and_progress_moves_the_cursor(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        with patch.object(watch, "PROGRESS_SECONDS", 0.05):
            call = aiter(served.stub.WatchEvents(request(kinds=[event_pb2.EVENT_KIND_UPDATE])))
            first = await anext(call)
            note(served, "hidden")
            progress = await anext(call)
            while progress.cursor == first.cursor:
                progress = await anext(call)
        assert list(progress.events) == []
        served.journal.pause(True, 1)
        assert (await next_events(call)).events[0].WhichOneof("payload") == "update"

    run(tmp_path, test)


@pytest.mark.parametrize("limit", [0, 10, PREVIEW_LIMIT, PREVIEW_LIMIT + 10, 1 << 20])
def test_contents_are_as_long_as_asked(tmp_path: Path, limit: int) -> None:
    content = b"0123456789" * 7680

    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(1)]))
        served.replay(content)
        found = await all_events(
            served, request(position=START, until_idle=True, content_limit_bytes=limit)
        )
        response = found[-1].response
        assert response.content == content[:limit]
        assert response.content_truncated == (limit < len(content))
        assert response.content_size_bytes == len(content)

    run(tmp_path, test)


def shown(events: list[bytes], limit: int, journal: Mock) -> Iterator[bytes]:
    """Events with as much of the contents as asked."""
    journal.info.redacted_after = 0
    return Shown(journal).events(events, limit, reveal=False)


def said_event(messages: int, *, truncated: bool) -> bytes:
    """A response event of a WebSocket with messages of a byte each."""
    event = event_pb2.Event(replay_id="b.0")
    event.response.websocket.received_count = 100
    event.response.websocket.messages_truncated = truncated
    for number in range(messages):
        event.response.websocket.messages.add(kind=1, content=b"%d" % (number % 10))
    return event.SerializeToString()


@pytest.mark.parametrize(
    ("limit", "kept", "told", "truncated"),
    [
        (0, 100, 0, True),
        (2, 100, 2, True),
        (3, 100, 3, True),
        # More than the log has: the journal knows the rest, unless the replay failed.
        (PREVIEW_LIMIT + 1, 100, 100, False),
        (PREVIEW_LIMIT + 1, 0, 3, True),
    ],
)
def test_a_websocket_s_messages_are_as_many_as_asked(
    limit: int, kept: int, told: int, truncated: bool
) -> None:
    message = WebSocketMessage(WebSocketMessageKind.TEXT, False, b"x")
    journal = Mock()
    journal.content.return_value = iter([encode_conversation([message] * kept)])
    events = shown([said_event(3, truncated=True)], limit, journal)
    [found] = map(event_pb2.Event.FromString, events)
    assert len(found.response.websocket.messages) == told
    assert found.response.websocket.messages_truncated == truncated
    assert found.response.websocket.received_count == 100


def test_messages_that_are_all_there_are_not_looked_for() -> None:
    journal = Mock()
    events = shown([said_event(3, truncated=False)], 1 << 20, journal)
    [found] = map(event_pb2.Event.FromString, events)
    assert len(found.response.websocket.messages) == 3
    assert not found.response.websocket.messages_truncated
    journal.content.assert_not_called()


def test_a_message_stays_small_when_contents_are_large(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(12)]))
        for _ in range(12):
            served.replay(b"x" * (1 << 20))
        asked = request(position=START, until_idle=True, content_limit_bytes=1 << 20)
        found = await all_events(served, asked)
        assert [event.sequence for event in found] == list(range(1, 14))

    run(tmp_path, test)


def remove_old(served: Served, now: int = 0) -> None:
    """Has retention remove everything that is older than a second, or than `now`."""
    for _ in served.journal.retain(Limits(age=10**9), now or time.time_ns()):
        pass


def test_a_watcher_that_retention_overtakes_is_told_where_to_go_on(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        note(served, "seen")
        answers = aiter(served.stub.WatchEvents(request(position=START)))
        assert (await next_events(answers)).events[0].sequence == 1
        for _ in range(3):
            note(served, "never seen")
        served.journal.pause(True, time.time_ns())
        remove_old(served)
        with ends_with(grpc.StatusCode.OUT_OF_RANGE, Reason.SEQUENCE_COMPACTED) as metadata:
            await next_events(answers)
        assert metadata == {"oldest_sequence": "5", "latest_sequence": "5"}
        left = await anext(aiter(served.stub.WatchEvents(request(position=START))))
        assert decode_cursor(left.cursor).sequence == 4

    run(tmp_path, test)


def test_until_idle_ends_when_the_batch_was_removed(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        accepted = await served.stub.Enqueue(iter([flows(1)]))
        asked = request(batch_id=accepted.batch_id, until_idle=True)
        answers = aiter(served.stub.WatchEvents(asked))
        await anext(answers)
        (replay,) = served.journal.take(1, time.time_ns())
        served.finish(replay)
        assert (await next_events(answers)).events[0].WhichOneof("payload") == "response"
        remove_old(served, time.time_ns() + 10**12)
        assert [answer async for answer in answers] == []

    run(tmp_path, test)


@pytest.mark.parametrize("websocket", [False, True])
def test_an_event_whose_content_was_removed_meanwhile_says_that_it_shows_less(
    websocket: bool,
) -> None:
    def content(*_: object) -> Iterator[bytes]:
        yield b"x" * 10
        raise not_found("b1")

    journal = Mock(content=content)
    plain = event_pb2.Event(batch_id="b1", replay_id="b1.0")
    plain.response.content, plain.response.content_size_bytes = b"x", 100
    plain.response.content_truncated = True
    event = said_event(3, truncated=True) if websocket else plain.SerializeToString()
    [found] = map(event_pb2.Event.FromString, shown([event], 1 << 20, journal))
    if websocket:
        assert len(found.response.websocket.messages) == 3
        assert found.response.websocket.messages_truncated
    else:
        assert found.response.content == b"x" * 10
        assert found.response.content_truncated


def test_what_fails_otherwise_ends_the_watch() -> None:
    journal = Mock()
    journal.content.side_effect = JournalError("the disk failed")
    with pytest.raises(JournalError):
        list(shown([said_event(3, truncated=True)], 1 << 20, journal))


def test_a_foreign_an_invalid_and_a_future_cursor_are_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        info = served.journal.info
        foreign = encode_cursor(Cursor("other", 0, 0))
        with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.CURSOR_FOREIGN):
            await all_events(served, request(cursor=foreign))
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.CURSOR_INVALID):
            await all_events(served, request(cursor="17"))
        ahead = encode_cursor(Cursor(info.store_id, info.epoch, 99))
        with ends_with(grpc.StatusCode.OUT_OF_RANGE, Reason.CURSOR_AHEAD) as metadata:
            await all_events(served, request(cursor=ahead))
        assert metadata["latest_sequence"] == "0"

    run(tmp_path, test)


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
            await all_events(served, request(batch_id="nope"))
        for wrong in (request(content_limit_bytes=-1), request(content_limit_bytes=1 << 21)):
            with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
                await all_events(served, wrong)
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
            await all_events(served, request(kinds=[99]))

    run(tmp_path, test)


def test_one_watcher_too_many_is_refused_until_one_leaves(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        first = served.stub.WatchEvents(request())
        await first.read()
        with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.TOO_MANY_WATCHERS):
            await all_events(served, request())
        first.cancel()
        while served.watchers.count:
            await asyncio.sleep(0)
        await served.stub.WatchEvents(request()).read()

    run(tmp_path, test, max_watchers=1)


def test_at_the_stop_watchers_get_what_is_left_and_are_told(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        call = aiter(served.stub.WatchEvents(request()))
        await anext(call)
        note(served, "the last")
        served.watchers.stop()
        seen = []
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            async for answer in call:
                seen += [event.log.message for event in answer.events]
        assert seen == ["the last"]
        assert served.watchers.count == 0

    run(tmp_path, test)


def test_watchers_of_a_journal_that_failed_are_told_to_come_back(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        note(served, "one")
        with patch.object(served.journal, "read", side_effect=JournalError("not readable")):
            with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.JOURNAL_UNAVAILABLE):
                await all_events(served, request(position=START))
            with (
                patch.object(type(served.journal), "failure", "the disk failed"),
                ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING),
            ):
                await all_events(served, request(position=START))

    run(tmp_path, test)


def test_watchers_that_follow_together_see_the_same(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        asked = request(position=START, until_idle=True)
        await served.stub.Enqueue(iter([flows(300)]))
        watching = [asyncio.ensure_future(all_events(served, asked)) for _ in range(3)]
        for _ in range(300):
            await asyncio.to_thread(served.replay)
        seen = [[event.sequence for event in events] for events in await asyncio.gather(*watching)]
        assert seen == [list(range(1, 302))] * 3

    run(tmp_path, test)

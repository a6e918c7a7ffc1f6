"""Enqueue: all or nothing, safe to repeat, and what it leaves in the log."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import event_pb2, reason_pb2, replay_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import replayd.intake.pool
from replayd.errors import JournalError
from replayd.model.event import PendingEvent
from replayd.model.replay import Row
from replayd.reasons import Reason
from replayd.rpc.enqueue import finished
from replayd.rpc.quotas import ClientLimits
from replayd.rpc.service import ReplayService
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows, options, refused_flow, unended
from tests.support.captures import FOLDER


def run(folder: Path, test: Callable[[Served], Awaitable[None]], **limits: Any) -> None:
    async def serve() -> None:
        async with serving(folder, **limits) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


def logged(served: Served) -> list[event_pb2.Event]:
    page = served.journal.read(0, limit=10_000, max_bytes=1 << 30)
    return [event_pb2.Event.FromString(event) for event in page.events]


def queued(served: Served) -> int:
    return served.journal.count("").queued


def test_flows_are_queued_in_order_with_one_update_event(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        answer = await served.stub.Enqueue(iter([options(label="mine"), flows(2), flows(1)]))
        assert (answer.accepted_count, answer.refused_count) == (3, 0)
        assert queued(served) == 3
        (event,) = logged(served)
        assert event.update.kind == event_pb2.UPDATE_KIND_QUEUED
        assert (event.update.replay_count, event.update.label) == (3, "mine")
        assert event.batch_id == answer.batch_id
        assert [served.replay().key.flow_index for _ in range(3)] == [0, 1, 2]

    run(tmp_path, test)


def test_refused_flows_are_left_out_named_and_logged(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        answer = await served.stub.Enqueue(iter([flows(1), refused_flow(), flows(1)]))
        assert (answer.accepted_count, answer.refused_count) == (2, 1)
        (refusal,) = answer.refusals
        assert (refusal.flow_index, refusal.flow_id) == (1, "bad")
        assert refusal.reason == reason_pb2.REASON_LIVE_FLOW
        assert answer.refusal_counts[0].refused_count == 1
        note, update = logged(served)
        assert (note.log.reason, note.log.flow_index) == (reason_pb2.REASON_LIVE_FLOW, 1)
        assert update.update.replay_count == 2
        assert [served.replay().key.flow_index for _ in range(2)] == [0, 2]

    run(tmp_path, test)


def full() -> Any:
    return ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)


def test_what_the_queue_has_no_room_for_is_refused_whole(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([flows(2)]))
        with full() as metadata:
            await served.stub.Enqueue(iter([flows(2), flows(1)]))
        assert metadata == {"queued_count": "2", "max_queued": "4", "new_count": "3"}
        assert queued(served) == 2
        await served.stub.Enqueue(iter([flows(2)]))
        with (
            patch.object(served.decoders, "lend", side_effect=AssertionError("it was read")),
            full(),
        ):
            await served.stub.Enqueue(iter([flows(1)]))
        served.replay()
        assert (await served.stub.Enqueue(iter([flows(1)]))).accepted_count == 1

    run(tmp_path, test, max_queued=4)


def test_a_full_queue_says_when_to_try_again(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            await served.stub.Enqueue(iter([flows(2)]))
        status = rpc_status.from_call(caught.value)
        retry = error_details_pb2.RetryInfo()
        assert status.details[1].Unpack(retry)
        assert retry.retry_delay.ToTimedelta().total_seconds() == 5

    run(tmp_path, test, max_queued=1)


def test_what_a_stream_had_queued_before_the_queue_was_full_stays(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        watching = served.stub.WatchEvents(replay_pb2.WatchEventsRequest())
        await watching.read()
        called = served.stub.Enqueue()
        await called.write(options(stream=True))
        await called.write(flows(2))
        assert (await watching.read()).events[0].update.replay_count == 2
        watching.cancel()
        await called.write(flows(2))
        await called.done_writing()
        with full() as metadata:
            await called
        assert (metadata["accepted_count"], metadata["last_index"]) == ("2", "1")
        assert queued(served) == 2

    run(tmp_path, test, max_queued=3)


def test_a_client_has_its_quota(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        over = ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.QUOTA_EXCEEDED)
        await served.stub.Enqueue(iter([flows(2)]))
        with over as metadata:
            await served.stub.Enqueue(iter([flows(2)]))
        assert (metadata["quota"], metadata["limit"]) == ("queued", "3")
        assert queued(served) == 2
        served.replay()
        assert (await served.stub.Enqueue(iter([flows(2)]))).accepted_count == 2

    run(tmp_path, test, client=ClientLimits(queued=3))


def test_a_client_makes_so_many_calls_at_once(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        watching = served.stub.WatchEvents(replay_pb2.WatchEventsRequest())
        await watching.read()
        held = served.stub.Enqueue()
        await held.write(options(stream=True))
        await held.write(flows(1))
        # Its event: the call is under way.
        assert (await watching.read()).events
        watching.cancel()
        with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.QUOTA_EXCEEDED) as metadata:
            await served.stub.Enqueue(iter([flows(1)]))
        assert metadata["quota"] == "enqueues"
        await held.done_writing()
        await held
        assert (await served.stub.Enqueue(iter([flows(1)]))).accepted_count == 1

    run(tmp_path, test, client=ClientLimits(calls=1))


def test_an_answer_is_repeated_by_a_full_queue_too(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        messages = [options(request_id="once"), flows(1)]
        first = await served.stub.Enqueue(iter(messages))
        again = await served.stub.Enqueue(iter(messages))
        assert (again.batch_id, again.duplicate) == (first.batch_id, True)

    run(tmp_path, test, max_queued=1)


def test_strict_refuses_all_for_one(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        messages = [options(strict=True), flows(1), refused_flow()]
        with ends_with(grpc.StatusCode.FAILED_PRECONDITION, Reason.FLOW_REFUSED) as metadata:
            await served.stub.Enqueue(iter(messages))
        assert metadata["flow_reason"] == "LIVE_FLOW"
        assert (metadata["flow_index"], metadata["refused_count"]) == ("1", "1")
        assert queued(served) == 0
        assert logged(served) == []

    run(tmp_path, test)


@pytest.mark.parametrize(
    "messages",
    [[], [options()], [replay_pb2.EnqueueRequest(capture_chunk=b"")]],
    ids=["nothing", "options only", "an empty capture"],
)
def test_an_empty_enqueue_is_accepted_with_nothing(
    tmp_path: Path, messages: list[replay_pb2.EnqueueRequest]
) -> None:
    async def test(served: Served) -> None:
        answer = await served.stub.Enqueue(iter(messages))
        assert answer.accepted_count == 0
        assert answer.batch_id
        assert queued(served) == 0

    run(tmp_path, test)


def test_a_damaged_capture_queues_nothing_and_says_where(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        damaged = replay_pb2.EnqueueRequest(capture_chunk=b"7:1:a;1:x")
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.DAMAGED_CAPTURE) as metadata:
            await served.stub.Enqueue(iter([damaged]))
        assert metadata["flow_index"] == "0"
        assert "byte_offset" in metadata
        assert queued(served) == 0
        # The next Enqueue gets a worker of its own.
        assert (await served.stub.Enqueue(iter([flows(1)]))).accepted_count == 1

    run(tmp_path, test)


def test_the_same_request_id_returns_the_first_answer(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        first = await served.stub.Enqueue(iter([options(request_id="r"), flows(2)]))
        again = await served.stub.Enqueue(iter([options(request_id="r"), flows(2)]))
        assert again.duplicate
        again.duplicate = False
        assert again == first
        assert queued(served) == 2
        with ends_with(grpc.StatusCode.ALREADY_EXISTS, Reason.REQUEST_ID_REUSED):
            await served.stub.Enqueue(iter([options(request_id="r"), flows(3)]))
        with ends_with(grpc.StatusCode.ALREADY_EXISTS, Reason.REQUEST_ID_REUSED):
            await served.stub.Enqueue(iter([options(request_id="r", strict=True), flows(2)]))
        assert queued(served) == 2

    run(tmp_path, test)


def test_a_request_id_under_way_aborts_the_second_call(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[replay_pb2.EnqueueRequest]:
            yield options(request_id="r")
            yield flows(1)
            begun.set()
            await go_on.wait()

        first = asyncio.ensure_future(served.stub.Enqueue(slow()))
        await begun.wait()
        with ends_with(grpc.StatusCode.ABORTED, Reason.REQUEST_IN_PROGRESS):
            while True:  # the first call's claim may still be on its way
                await served.stub.Enqueue(iter([options(request_id="r", strict=True)]))
        go_on.set()
        assert (await first).accepted_count == 1

    run(tmp_path, test)


def test_a_cancelled_call_queues_nothing_and_frees_its_request_id(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        call = served.stub.Enqueue(unended(options(request_id="r"), flows(1)))
        while not served.enqueuer._under_way:
            await asyncio.sleep(0)
        call.cancel()
        while served.enqueuer._under_way:
            await asyncio.sleep(0)
        assert queued(served) == 0
        answer = await served.stub.Enqueue(iter([options(request_id="r"), flows(1)]))
        assert not answer.duplicate

    run(tmp_path, test)


def test_a_stopping_daemon_ends_what_is_under_way(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        call = served.stub.Enqueue(unended(flows(1)))
        while not served.enqueuer._under_way:
            await asyncio.sleep(0)
        await served.enqueuer.stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
            await call
        assert queued(served) == 0

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"request_id": "x" * 201}, "options.request_id"),
        ({"label": "x" * 201}, "options.label"),
        ({"format": 99}, "options.format"),
        ({"stream": True, "strict": True}, "options.stream"),
        ({"connect_to": [replay_pb2.ConnectTo()]}, "options.connect_to[0]"),
        (
            {"connect_to": [replay_pb2.ConnectTo(dial_host="h" * 256, dial_port=1)]},
            "options.connect_to[0]",
        ),
        (
            {"connect_to": [replay_pb2.ConnectTo(scheme="ftp", dial_host="h", dial_port=1)]},
            "options.connect_to[0]",
        ),
    ],
)
def test_options_out_of_range_are_named(
    tmp_path: Path, values: dict[str, object], field: str
) -> None:
    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS) as metadata:
            await served.stub.Enqueue(iter([options(**values)]))
        assert metadata["field"] == field

    run(tmp_path, test)


def test_flows_and_capture_bytes_do_not_mix(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        chunk = replay_pb2.EnqueueRequest(capture_chunk=b"x")
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_STREAM):
            await served.stub.Enqueue(iter([flows(1), chunk]))
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_STREAM):
            await served.stub.Enqueue(iter([flows(1), options()]))

    run(tmp_path, test)


def test_the_end_of_a_cancelled_call_is_not_the_end_of_its_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gRPC reads both as the same end, and cancels the handler some time later: never, here."""
    ended = asyncio.Event()
    enqueue = ReplayService.enqueue

    async def hard_to_cancel(*arguments: Any) -> bytes:
        try:
            return await asyncio.shield(enqueuing := asyncio.ensure_future(enqueue(*arguments)))
        finally:
            await asyncio.wait({enqueuing})
            ended.set()

    monkeypatch.setattr(ReplayService, "enqueue", hard_to_cancel)

    async def test(served: Served) -> None:
        call = served.stub.Enqueue(unended(flows(1)))
        while not served.enqueuer._under_way:
            await asyncio.sleep(0)
        with patch.object(served.journal, "accept", wraps=served.journal.accept) as accept:
            call.cancel()
            await ended.wait()
        accept.assert_not_called()

    run(tmp_path, test)


def test_a_call_that_is_given_up_twice_leaves_nothing_staged(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        begun, go_on = threading.Event(), threading.Event()
        staged: list[str] = []
        stage, discard = served.journal.stage, served.journal.discard

        def slow_stage(batch_id: str, rows: Sequence[Row]) -> None:
            begun.set()
            assert go_on.wait(DEADLINE)
            stage(batch_id, rows)
            staged.append(batch_id)

        def forget(batch_id: str, notes: Sequence[PendingEvent]) -> None:
            discard(batch_id, notes)
            staged.remove(batch_id)

        with (
            patch.object(served.journal, "stage", slow_stage),
            patch.object(served.journal, "discard", forget),
        ):
            call = served.stub.Enqueue(iter([flows(1)]))
            while not begun.is_set():
                await asyncio.sleep(0)
            stops = []
            for _ in range(3):
                stops.append(asyncio.ensure_future(served.enqueuer.stop()))
                await asyncio.sleep(0)
            go_on.set()
            await asyncio.gather(*stops)
            with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
                await call
            assert staged == []

    run(tmp_path, test)


def test_an_empty_first_message_is_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        empty = replay_pb2.EnqueueRequest()
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_STREAM):
            await served.stub.Enqueue(iter([empty, options(strict=True), flows(1)]))
        assert queued(served) == 0

    run(tmp_path, test)


def test_what_nobody_foresaw_is_an_error_with_a_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(served: Served) -> None:
        with (
            patch.object(served.journal, "stage", side_effect=KeyError("surprise")),
            ends_with(grpc.StatusCode.INTERNAL, Reason.INTERNAL),
        ):
            await served.stub.Enqueue(iter([flows(1)]))

    run(tmp_path, test)
    assert "surprise" in caplog.text


class Sender:
    """The messages of a call, sent one after the other as a test wants them."""

    def __init__(self, served: Served, *first: replay_pb2.EnqueueRequest) -> None:
        self._messages: asyncio.Queue[replay_pb2.EnqueueRequest | None] = asyncio.Queue()
        self.send(*first)
        self.call = served.stub.Enqueue(self._sent())

    def send(self, *messages: replay_pb2.EnqueueRequest | None) -> None:
        """Sends messages; None ends the call."""
        for message in messages:
            self._messages.put_nowait(message)

    async def _sent(self) -> AsyncIterator[replay_pb2.EnqueueRequest]:
        while (message := await self._messages.get()) is not None:
            yield message


async def until_queued(served: Served, count: int) -> None:
    """Waits until so many replays are queued; each commit with events is looked at."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    served.journal.on_append(lambda: loop.call_soon_threadsafe(changed.set))
    while queued(served) != count:
        await changed.wait()
        changed.clear()


def test_flows_of_a_stream_are_replayed_while_it_is_sent(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True, label="mine"), flows(2))
        await until_queued(served, 2)
        counted = await served.stub.Count(replay_pb2.CountRequest())
        assert (counted.queued_count, counted.open_batch_count) == (2, 1)
        assert [served.replay().key.flow_index for _ in range(2)] == [0, 1]
        watch = replay_pb2.WatchEventsRequest(
            position=replay_pb2.START_POSITION_START, until_idle=True
        )
        watcher = aiter(served.stub.WatchEvents(watch))
        assert (await anext(watcher)).events == []
        assert len((await anext(watcher)).events) == 3
        sender.send(refused_flow(), flows(1))
        await until_queued(served, 1)
        assert served.replay().key.flow_index == 3
        sender.send(None)
        answer = await sender.call
        assert (answer.accepted_count, answer.refused_count) == (3, 1)
        assert answer.refusals[0].flow_index == 2
        rest = [event async for message in watcher for event in message.events]
        assert [event.WhichOneof("payload") for event in rest] == ["update", "response", "log"]
        assert rest[0].update.label == "mine"
        assert {event.batch_id for event in rest} == {answer.batch_id}
        counted = await served.stub.Count(replay_pb2.CountRequest(batch_id=answer.batch_id))
        assert (counted.succeeded_count, counted.open_batch_count) == (3, 0)
        seen = served.stub.WatchEvents(replay_pb2.WatchEventsRequest(cursor=answer.cursor))
        await seen.read()
        assert (await seen.read()).events[0].sequence == 1

    run(tmp_path, test)


def test_many_flows_of_a_stream_are_queued_in_groups(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        messages = [options(stream=True, request_id="r"), *[flows(300)] * 3]
        answer = await served.stub.Enqueue(iter(messages))
        assert (answer.accepted_count, queued(served)) == (900, 900)
        updates = [event.update for event in logged(served)]
        assert sum(update.replay_count for update in updates) == 900
        assert 3 < len(updates) <= 7
        again = await served.stub.Enqueue(iter(messages))
        assert again.duplicate
        assert (again.batch_id, queued(served)) == (answer.batch_id, 900)

    run(tmp_path, test)


def test_what_comes_before_the_damage_of_a_stream_stays(tmp_path: Path) -> None:
    capture = (FOLDER / "rec-basic.mitm").read_bytes()
    chunks = [replay_pb2.EnqueueRequest(capture_chunk=piece) for piece in (capture, b"7:1:a;1:x")]
    asked = options(stream=True, request_id="r")

    async def test(served: Served) -> None:
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.DAMAGED_CAPTURE) as metadata:
            await served.stub.Enqueue(iter([asked, *chunks]))
        assert (metadata["flow_index"], metadata["byte_offset"]) == ("23", str(len(capture)))
        assert (metadata["accepted_count"], metadata["last_index"]) == ("23", "22")
        batch = metadata["batch_id"]
        assert served.journal.count(batch).queued == 23
        assert served.journal.count(batch).open_batches == 0
        note = logged(served)[-1]
        assert (note.batch_id, note.log.reason) == (batch, reason_pb2.REASON_DAMAGED_CAPTURE)
        code, reason = grpc.StatusCode.FAILED_PRECONDITION, Reason.REQUEST_INCOMPLETE
        with ends_with(code, reason) as metadata:
            await served.stub.Enqueue(iter([asked, *chunks[:1]]))
        assert (metadata["batch_id"], metadata["accepted_count"]) == (batch, "23")
        assert queued(served) == 23

    run(tmp_path, test)


def test_a_stream_that_is_given_up_keeps_what_was_queued(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True), flows(2))
        await until_queued(served, 2)
        work = list(served.enqueuer._under_way._tasks)
        sender.call.cancel()
        await asyncio.wait(work)
        counts = served.journal.count("")
        assert (counts.queued, counts.open_batches) == (2, 0)
        queued_event, note = logged(served)
        assert note.log.message == "nothing more of this batch is queued: the call was given up"
        assert note.batch_id == queued_event.batch_id

    run(tmp_path, test)


def test_a_stream_under_way_ends_with_a_clear(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True), flows(2))
        await until_queued(served, 2)
        served.replay()
        cleared = await served.stub.Clear(replay_pb2.ClearRequest())
        assert cleared.cleared_count == 1
        sender.send(flows(1), None)
        with ends_with(grpc.StatusCode.ABORTED, Reason.BATCH_CLEARED) as metadata:
            await sender.call
        assert (metadata["accepted_count"], metadata["last_index"]) == ("2", "1")
        assert served.journal.count("").idle

    run(tmp_path, test)


def test_a_stop_tells_a_stream_what_it_has_queued(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True), flows(2))
        await until_queued(served, 2)
        await served.enqueuer.stop()
        with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING) as metadata:
            await sender.call
        assert metadata["accepted_count"] == "2"
        assert queued(served) == 2

    run(tmp_path, test)


def test_a_stream_whose_worker_dies_keeps_what_was_queued(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True), flows(2))
        await until_queued(served, 2)
        (worker,) = served.decoders._lent
        worker._process.kill()
        code, reason = grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.DECODER_LIMIT
        with ends_with(code, reason) as metadata:
            await sender.call
        assert metadata["accepted_count"] == "2"
        assert served.journal.count("").open_batches == 0

    run(tmp_path, test)


def test_a_stream_that_sends_nothing_does_not_hold_up_the_queue_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replayd.intake.pool, "STALL_SECONDS", 1.0)

    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True), flows(1))
        await until_queued(served, 1)
        served.replay()
        other = await served.stub.Enqueue(iter([flows(1)]))
        assert served.journal.take(1, 1) == []
        with ends_with(grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.DECODER_LIMIT) as metadata:
            await sender.call
        assert metadata["accepted_count"] == "1"
        assert served.replay().key.batch_id == other.batch_id

    run(tmp_path, test)


def test_a_stream_that_the_journal_can_not_store_says_so(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        sender = Sender(served, options(stream=True), flows(1))
        await until_queued(served, 1)
        full = JournalError("no room")
        with patch.object(served.journal, "extend", side_effect=full):
            sender.send(flows(1), None)
            code, reason = grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.JOURNAL_UNAVAILABLE
            with ends_with(code, reason) as metadata:
                await sender.call
        assert metadata["accepted_count"] == "1"
        assert queued(served) == 1

    run(tmp_path, test)


async def cancelled_during(step: Callable[[], str], **how: bool) -> str:
    """Cancels a call while it waits for a step in a thread, which then ends."""
    entered, go_on = threading.Event(), threading.Event()

    def stepping() -> str:
        entered.set()
        assert go_on.wait(DEADLINE)
        return step()

    call = asyncio.create_task(finished(asyncio.to_thread(stepping), **how))
    await asyncio.to_thread(entered.wait, DEADLINE)
    call.cancel()
    go_on.set()
    return await call


def failing() -> str:
    raise JournalError("no room")


def test_what_a_step_came_to_is_told_to_a_call_that_was_given_up() -> None:
    assert asyncio.run(cancelled_during(lambda: "queued", despite_cancel=True)) == "queued"
    with pytest.raises(JournalError):
        asyncio.run(cancelled_during(failing))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled_during(lambda: "staged"))

"""What a watcher sees of secrets, asked for or not."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

import grpc
import pytest
from flowreplay.v1 import event_pb2, flow_pb2, history_pb2, history_pb2_grpc, replay_pb2

from replayd.access.settings import Access
from replayd.access.tokens import parse_tokens
from replayd.codec.event import outcome_event, request_event
from replayd.codec.plan import decode_plan, encode_plan
from replayd.journal.ledger import not_found
from replayd.model.event import PREVIEW_LIMIT, PendingEvent
from replayd.model.outcome import Outcome, ResponseHead, Timings
from replayd.model.plan import Change, ChangeKind, LivePlan
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from replayd.rpc.listen import TcpAddress
from replayd.rpc.shown import Shown
from tests.rpc.harness import Served, ends_with, serving
from tests.rpc.messages import flows

SECRET = b"s3cr3t"
ANSWER = b'{"token":"s3cr3t","text":"' + b"x" * PREVIEW_LIMIT + b'"}'
HEADERS = ((b"Set-Cookie", b"sid=s3cr3t"), (b"Content-Type", b"application/json"))


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    """Runs a test on a daemon."""

    async def serve() -> None:
        async with serving(folder) as served:
            await test(served)

    asyncio.run(serve())


def enqueued() -> replay_pb2.EnqueueRequest:
    """A flow with secrets in most places."""
    request = flows(1)
    wanted = request.flow_batch.flows[0].request
    wanted.path, wanted.method = b"/?token=s3cr3t", b"POST"
    wanted.headers.add(name=b"Authorization", value=b"Bearer s3cr3t")
    wanted.headers.add(name=b"Content-Length", value=b"15")
    wanted.content = b"password=s3cr3t"
    return request


def play(served: Served, state: ReplayState = ReplayState.SUCCEEDED) -> Replay:
    """Sends the replay and lets it end, as the replay thread does."""
    (replay,) = served.journal.take(1, time.time_ns())
    now = time.time_ns()
    plan = decode_plan(replay.plan)
    served.journal.emit([request_event(replay, plan, replay.request_content or b"", now)])
    served.journal.begin([replay])
    body = served.journal.new_body()
    body.write(ANSWER)
    outcome = Outcome(
        state,
        Timings(now),
        Reason.UNSPECIFIED if state is ReplayState.SUCCEEDED else Reason.INVALID_RESPONSE,
        head=ResponseHead(b"HTTP/1.1", 200, b"OK", HEADERS),
        content_prefix=body.prefix(PREVIEW_LIMIT),
        content_size=len(ANSWER),
    )
    event = outcome_event(replay, plan, outcome, now)
    served.journal.finish(replay.key, outcome, [event], body)
    served.journal.commit()
    return replay


async def watched(served: Served, **asked: object) -> list[event_pb2.Event]:
    """The events that a watcher gets."""
    request = replay_pb2.WatchEventsRequest(
        position=replay_pb2.START_POSITION_START, until_idle=True, **asked
    )
    return [event async for each in served.stub.WatchEvents(request) for event in each.events]


@pytest.mark.parametrize("limit", [PREVIEW_LIMIT, 20, 1 << 20])
@pytest.mark.parametrize("state", [ReplayState.SUCCEEDED, ReplayState.FAILED])
def test_secrets_are_shown_only_when_asked_for(
    tmp_path: Path, limit: int, state: ReplayState
) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([enqueued()]))
        play(served, state)
        hidden = await watched(served, content_limit_bytes=limit)
        assert SECRET not in b"".join(event.SerializeToString() for event in hidden)
        _, request, ended = await watched(served, content_limit_bytes=limit, reveal_secrets=True)
        told = request.request
        assert told.plan.url.endswith(b"/?token=s3cr3t")
        assert b"/?token=s3cr3t HTTP/1.1\r\n" in told.plan.head
        assert b"Authorization: Bearer s3cr3t\r\n" in told.plan.head
        assert told.content == b"password=s3cr3t"[:limit]
        assert not told.content_redacted
        answer = ended.response if state is ReplayState.SUCCEEDED else ended.error
        assert answer.url == told.plan.url
        assert [(each.name, each.value) for each in answer.head.headers] == list(HEADERS)
        assert answer.content == ANSWER[:limit]
        assert (answer.content_redacted, answer.content_truncated) == (
            False,
            limit < len(ANSWER),
        )

    run(tmp_path, test)


def test_without_the_role_secrets_are_refused(tmp_path: Path) -> None:
    token = "r" * 24
    readers = parse_tokens(f"reader read {token}\n")

    async def test() -> None:
        address = TcpAddress("127.0.0.1", 0)
        access = Access(lambda: readers)
        async with serving(tmp_path, address=address, access=access) as served:
            asked = replay_pb2.WatchEventsRequest(reveal_secrets=True)
            call = served.stub.WatchEvents(asked, metadata=(("authorization", f"Bearer {token}"),))
            with ends_with(grpc.StatusCode.PERMISSION_DENIED, Reason.ROLE_MISSING) as metadata:
                await call.read()
            assert metadata["role"] == "secrets"

    asyncio.run(test())


def test_what_retention_removed_stays_hidden(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([enqueued()]))
        play(served)
        page = served.journal.read(0, limit=100, max_bytes=1 << 30)

        def gone(*_: object) -> NoReturn:
            raise not_found("b1")

        served.journal.history = served.journal.content = gone  # type: ignore[method-assign]
        shown = Shown(served.journal).events(page.events, PREVIEW_LIMIT, reveal=True)
        assert SECRET not in b"".join(shown)

    run(tmp_path, test)


def test_events_of_before_redaction_are_redacted_when_they_are_read(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([enqueued()]))
        (replay,) = served.journal.take(1, time.time_ns())
        plan = decode_plan(replay.plan)
        old = replay._replace(shown_plan=b"", shown_content=None)
        served.journal.emit([request_event(old, plan, replay.request_content or b"", 1)])
        served.journal.begin([replay])
        served.finish(replay)
        assert SECRET in b"".join(served.journal.read(0, limit=9, max_bytes=1 << 20).events)
        served.journal.info = served.journal.info._replace(redacted_after=2)
        hidden = await watched(served)
        assert SECRET not in b"".join(event.SerializeToString() for event in hidden)
        assert hidden[1].request.content_redacted

    run(tmp_path, test)


def unredacted(event: PendingEvent) -> PendingEvent:
    """An event as it was stored before there was redaction."""
    message = event_pb2.Event.FromString(event.body)
    payload = message.response if message.HasField("response") else message.error
    payload.url = b"http://a.test/?token=s3cr3t"
    if message.HasField("error"):
        message.error.message = "it refused password=s3cr3t"
    return event._replace(body=message.SerializeToString())


def test_calls_that_quote_events_of_before_redaction_redact_them(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        message = flows(2)
        for flow in message.flow_batch.flows:
            flow.response.CopyFrom(flow_pb2.Response(status_code=200, content=b"another"))
        batch = (await served.stub.Enqueue(iter([message]))).batch_id
        for state in (ReplayState.SUCCEEDED, ReplayState.FAILED):
            (replay,) = served.journal.take(1, time.time_ns())
            served.journal.begin([replay])
            head = ResponseHead(b"HTTP/1.1", 200)
            outcome = Outcome(state, Timings(1), head=head, message="it refused")
            event = unredacted(outcome_event(replay, decode_plan(replay.plan), outcome, 1))
            served.journal.finish(replay.key, outcome, [event], served.journal.new_body())
        served.journal.commit()
        served.journal.info = served.journal.info._replace(redacted_after=1 << 40)

        stub = history_pb2_grpc.HistoryServiceStub(served.channel)
        told = [
            await stub.ListReplays(history_pb2.ListReplaysRequest()),
            await stub.Summarize(history_pb2.SummarizeRequest(batch_id=batch)),
            *[each async for each in stub.Diff(history_pb2.DiffRequest(batch_id=batch))],
        ]
        for slot in range(2):
            asked = history_pb2.GetReplayRequest(replay_id=f"{batch}.{slot}")
            told += [each async for each in stub.GetReplay(asked)]
        shown = b"".join(each.SerializeToString() for each in told)
        assert shown.count(b"it refused password=") == 4
        assert shown.count(b"http://a.test/?token=") == 3
        assert SECRET not in shown

    run(tmp_path, test)


@pytest.mark.parametrize("limit", [5, 100])
def test_a_request_that_was_edited_is_shown_as_the_log_has_it(tmp_path: Path, limit: int) -> None:
    async def test(served: Served) -> None:
        await served.stub.Enqueue(iter([enqueued()]))
        (replay,) = served.journal.take(1, time.time_ns())
        edited = decode_plan(replay.shown_plan or b"")._replace(
            changes=(Change(ChangeKind.VALUE_CARRIED, "put in"),), live=LivePlan()
        )
        shown = replay._replace(shown_plan=encode_plan(edited), shown_content=b"as it was sent")
        served.journal.emit([request_event(shown, edited, b"", time.time_ns())])
        served.journal.commit()
        request = replay_pb2.WatchEventsRequest(
            position=replay_pb2.START_POSITION_START,
            kinds=[event_pb2.EVENT_KIND_REQUEST],
            reveal_secrets=True,
            content_limit_bytes=limit,
        )
        call = served.stub.WatchEvents(request)
        async for response in call:
            if response.events:
                break
        call.cancel()
        (event,) = response.events
        assert event.request.content == b"as it was sent"[:limit]
        assert event.request.plan.head == edited.head
        assert SECRET not in event.SerializeToString()

    run(tmp_path, test)

"""GetReplay: details, whole contents in pieces, and what is shown of secrets."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from flowreplay.v1 import event_pb2, history_pb2, history_pb2_grpc, replay_pb2

from replayd.codec.event import outcome_event, request_event
from replayd.codec.plan import decode_plan, encode_plan
from replayd.codec.websocket import encode_conversation
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.outcome import Outcome, ResponseHead, Timings, WebSocketResult
from replayd.model.plan import Change, ChangeKind
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.messages import flows, options, websocket_flow
from tests.support.journals import note, trim

REQUEST = history_pb2.REPLAY_CONTENT_REQUEST
RECORDED = history_pb2.REPLAY_CONTENT_RECORDED
RESPONSE = history_pb2.REPLAY_CONTENT_RESPONSE
ALL = [RESPONSE, REQUEST, RECORDED, RESPONSE]

SECRET = b"s3cr3t"
ANSWER = b"token=s3cr3t&text=plain"
FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving(folder) as served, asyncio.timeout(DEADLINE):
            await test(served)

    asyncio.run(serve())


def with_secrets() -> replay_pb2.EnqueueRequest:
    """A flow with secrets in most places, and the response that was captured."""
    message = flows(1)
    flow = message.flow_batch.flows[0]
    flow.comment = "see http://a.test/?token=s3cr3t"
    flow.request.path, flow.request.method = b"/?token=s3cr3t", b"POST"
    flow.request.headers.add(name=b"Authorization", value=b"Bearer s3cr3t")
    flow.request.headers.add(name=b"Content-Length", value=b"15")
    flow.request.content = b"password=s3cr3t"
    flow.response.status_code, flow.response.content = 201, ANSWER
    flow.response.headers.add(name=b"Set-Cookie", value=b"sid=s3cr3t")
    flow.response.headers.add(name=FORM[0], value=FORM[1])
    return message


def play(
    served: Served, content: bytes = ANSWER, state: ReplayState = ReplayState.SUCCEEDED, **more: Any
) -> None:
    """Lets the next replay end, as the replay thread does."""
    (replay,) = served.journal.take(1, time.time_ns())
    served.journal.begin([replay])
    end(served, replay, content, state, **more)


def end(
    served: Served,
    replay: Replay,
    content: bytes = ANSWER,
    state: ReplayState = ReplayState.SUCCEEDED,
    **more: Any,
) -> None:
    """Lets a running replay end."""
    now = time.time_ns()
    body = served.journal.new_body()
    body.write(content)
    failed = state is not ReplayState.SUCCEEDED
    outcome = Outcome(
        state,
        Timings(now),
        Reason.BODY_TOO_LARGE if failed else Reason.UNSPECIFIED,
        head=ResponseHead(b"HTTP/1.1", 200, b"OK", (FORM,)),
        content_prefix=body.prefix(PREVIEW_LIMIT),
        content_size=len(content),
        **more,
    )
    event = outcome_event(replay, decode_plan(replay.plan), outcome, now)
    served.journal.finish(replay.key, outcome, [event], None if failed else body)
    served.journal.commit()


async def told(
    served: Served, replay_id: str, **asked: Any
) -> tuple[history_pb2.ReplayDetails, dict[int, list[history_pb2.ContentPiece]]]:
    """The details, and the pieces of each content, which come one content after the other."""
    stub = history_pb2_grpc.HistoryServiceStub(served.channel)
    call = stub.GetReplay(history_pb2.GetReplayRequest(replay_id=replay_id, **asked))
    first, *others = [response async for response in call]
    pieces: dict[int, list[history_pb2.ContentPiece]] = {}
    assert first.cursor
    for response in others:
        assert response.cursor == first.cursor
        assert next(reversed(pieces), 0) <= response.piece.content
        pieces.setdefault(response.piece.content, []).append(response.piece)
    for of_one in pieces.values():
        assert [piece.last for piece in of_one] == [False] * (len(of_one) - 1) + [True]
    return first.details, pieces


def data(pieces: dict[int, list[history_pb2.ContentPiece]]) -> dict[int, bytes]:
    return {content: b"".join(each.data for each in some) for content, some in pieces.items()}


def test_everything_is_told_with_its_secrets_to_whom_may_see_them(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([with_secrets()]))).batch_id
        play(served)
        details, pieces = await told(served, f"{batch}.0", contents=ALL, reveal_secrets=True)
        assert (details.replay.replay_id, details.replay.attempt) == (f"{batch}.0", 1)
        assert details.replay.state == event_pb2.REPLAY_STATE_SUCCEEDED
        assert details.plan.url == details.replay.url == b"http://h/?token=s3cr3t"
        assert details.flow.request.path == b"/?token=s3cr3t"
        assert details.flow.response.status_code == 201
        assert details.end_event.response.content_size_bytes == len(ANSWER)
        assert details.end_event.response.content == b""
        assert details.end_event.response.content_truncated
        assert data(pieces) == {REQUEST: b"password=s3cr3t", RECORDED: ANSWER, RESPONSE: ANSWER}
        assert not any(
            piece.truncated or piece.redacted for some in pieces.values() for piece in some
        )

    run(tmp_path, test)


def test_a_replay_of_a_later_run_is_told(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        messages = iter([options(repeat_count=2), with_secrets()])
        answer = await served.stub.Enqueue(messages)
        assert (answer.accepted_count, answer.replay_count) == (1, 2)
        batch = answer.batch_id
        play(served, b"first")
        play(served, b"second")
        asked = [REQUEST, RECORDED, RESPONSE]
        details, pieces = await told(served, f"{batch}.0.1", contents=asked, reveal_secrets=True)
        assert details.replay.replay_id == f"{batch}.0.1"
        assert details.flow.request.path == b"/?token=s3cr3t"
        assert data(pieces) == {REQUEST: b"password=s3cr3t", RECORDED: ANSWER, RESPONSE: b"second"}

    run(tmp_path, test)


def test_nobody_else_sees_a_secret(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([with_secrets()]))).batch_id
        play(served)
        details, pieces = await told(served, f"{batch}.0", contents=ALL)
        assert SECRET not in details.SerializeToString() + b"".join(data(pieces).values())
        assert data(pieces)[RESPONSE].endswith(b"&text=plain")
        assert all(piece.redacted for some in pieces.values() for piece in some)
        assert details.flow.response.status_code == 201

    run(tmp_path, test)


def test_contents_are_sent_when_asked_for_and_as_much_as_asked_for(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([with_secrets()]))).batch_id
        assert (await told(served, f"{batch}.0"))[1] == {}
        details, pieces = await told(served, f"{batch}.0", contents=ALL, reveal_secrets=True)
        assert details.replay.state == event_pb2.REPLAY_STATE_QUEUED
        assert not details.HasField("end_event")
        assert set(pieces) == {REQUEST, RECORDED}
        large = bytes(range(256)) * 8192  # 2 MiB
        play(served, large)
        for limit, size in ((None, len(large)), (1_500_000, 1_500_000), (0, 0), (1 << 22, 1 << 21)):
            asked = {} if limit is None else {"content_limit_bytes": limit}
            _, pieces = await told(
                served, f"{batch}.0", contents=[RESPONSE], reveal_secrets=True, **asked
            )
            assert data(pieces) == {RESPONSE: large[:size]}
            assert pieces[RESPONSE][-1].truncated == (size < len(large))
            assert max(len(piece.data) for piece in pieces[RESPONSE]) <= 1 << 20

    run(tmp_path, test)


def test_without_secrets_no_more_is_shown_than_is_looked_through(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        play(served, b"text=" + b"x" * (1 << 21))
        _, pieces = await told(served, f"{batch}.0", contents=[RESPONSE])
        (piece,) = pieces[RESPONSE]
        assert (len(piece.data), piece.truncated, piece.redacted) == (1 << 20, True, False)
        _, pieces = await told(served, f"{batch}.0", contents=[RESPONSE], content_limit_bytes=5)
        assert data(pieces) == {RESPONSE: b"text="}

    run(tmp_path, test)


@pytest.mark.parametrize("between", [0, 1500])
def test_what_was_changed_when_it_was_sent_is_told(tmp_path: Path, between: int) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(2)]))).batch_id
        for replay in served.journal.take(2, time.time_ns()):
            plan = decode_plan(replay.plan)
            changed = plan._replace(
                head=plan.head.replace(b"GET /", b"GET /changed/"),
                content_size=4,
                changes=(Change(ChangeKind.HOOK, "by h"),),
            )
            sent = replay._replace(plan=encode_plan(changed)) if replay.key.slot == 0 else replay
            served.journal.emit([request_event(sent, changed, b"told", 1)])
            served.journal.emit([note("between")] * between)
            served.journal.begin([replay])
            end(served, replay)
        details, pieces = await told(served, f"{batch}.0", contents=ALL, content_limit_bytes=3)
        assert b"GET /changed/" in details.plan.head
        assert [each.description for each in details.plan.changes] == ["by h"]
        assert data(pieces)[REQUEST] == b"tol"
        assert pieces[REQUEST][0].truncated
        details, _ = await told(served, f"{batch}.1")
        assert b"changed" not in details.plan.head

    run(tmp_path, test)


def test_what_retention_has_taken_of_it_is_told_as_planned(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        play(served)
        trim(served.journal, served.journal.latest - 1)
        details, _ = await told(served, f"{batch}.0")
        assert details.plan.head

    run(tmp_path, test)


@pytest.mark.parametrize("reveal", [False, True])
def test_of_a_failed_one_there_is_what_its_event_has(tmp_path: Path, reveal: bool) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        play(served, b"text=" + b"x" * (1 << 17), ReplayState.FAILED)
        details, pieces = await told(
            served, f"{batch}.0", contents=[RESPONSE], reveal_secrets=reveal
        )
        assert details.end_event.error.reason == Reason.BODY_TOO_LARGE
        (piece,) = pieces[RESPONSE]
        assert (len(piece.data), piece.truncated, piece.last) == (PREVIEW_LIMIT, True, True)

    run(tmp_path, test)


def test_a_websocket_has_what_was_said(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([websocket_flow()]))).batch_id
        said = WebSocketMessage(WebSocketMessageKind.TEXT, True, b"token=s3cr3t")
        play(served, encode_conversation([said]), websocket=WebSocketResult(1, 0, (said,)))
        details, pieces = await told(served, f"{batch}.0", contents=ALL)
        assert [each.content for each in details.recorded_messages] == [b"hello", b"hello", b"bye"]
        assert len(details.end_event.response.websocket.messages) == 1
        assert SECRET not in details.SerializeToString()
        assert pieces == {}
        details, _ = await told(served, f"{batch}.0", reveal_secrets=True)
        assert details.end_event.response.websocket.messages[0].content == b"token=s3cr3t"

    run(tmp_path, test)


def test_what_there_is_not_or_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        batch = (await served.stub.Enqueue(iter([flows(1)]))).batch_id
        for replay_id, reason in (
            (f"{batch}.1", Reason.REPLAY_NOT_FOUND),
            ("nonsense", Reason.REPLAY_NOT_FOUND),
            ("none.0", Reason.BATCH_NOT_FOUND),
        ):
            with ends_with(grpc.StatusCode.NOT_FOUND, reason):
                await told(served, replay_id)
        for asked in ({"contents": [9]}, {"content_limit_bytes": -1}):
            with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
                await told(served, f"{batch}.0", **asked)

    run(tmp_path, test)

"""A hook's registration, the calls that come in pieces, and the answers that go out so."""

import pytest
from flowreplay.v1 import hook_pb2 as pb
from flowreplay.v1.replay_pb2 import ContentChunk
from flowreplay_client import Hook, HookFlow
from flowreplay_client.hook import CHUNK, Calls, answer_messages


def look(_: HookFlow) -> None:
    """A function that changes nothing."""


def test_it_is_registered_for_the_points_of_its_functions() -> None:
    hook = Hook("h", filter="~m POST", order=3, deadline=0.5, on_late="kill", content_limit=0)
    hook.response(look)
    hook.error(look)
    registration = hook.registration().registration
    assert list(registration.points) == [pb.HOOK_POINT_RESPONSE, pb.HOOK_POINT_ERROR]
    assert (registration.hook_name, registration.filter, registration.order) == ("h", "~m POST", 3)
    assert registration.deadline_duration.ToMilliseconds() == 500
    assert registration.late_policy == pb.HOOK_POLICY_KILL
    assert registration.HasField("content_limit_bytes")
    hook.at("request", look)
    assert len(hook.registration().registration.points) == 3


def test_one_that_can_not_be_is_refused_here() -> None:
    with pytest.raises(ValueError, match="continue, kill"):
        Hook("h", on_late="ignore")
    with pytest.raises(ValueError, match="the deadline nan is no number"):
        Hook("h", deadline=float("nan"))
    with pytest.raises(ValueError, match="no function for request, response, error"):
        Hook("h").registration()


def calls(*made: pb.HookCall) -> pb.HookResponse:
    return pb.HookResponse(calls=pb.HookCalls(calls=made))


def chunk(data: bytes, *, last: bool) -> pb.HookResponse:
    return pb.HookResponse(content_chunk=ContentChunk(data=data, last=last))


def test_many_calls_come_in_one_message() -> None:
    flows = list(Calls().flows(calls(pb.HookCall(replay_id="a"), pb.HookCall(replay_id="b"))))
    assert [flow.replay_id for flow in flows] == ["a", "b"]


def test_contents_that_follow_make_a_call_whole() -> None:
    made = pb.HookCall(point=pb.HOOK_POINT_RESPONSE, replay_id="a")
    made.flow.request.content_follows = made.flow.response.content_follows = True
    found = Calls()
    (small,) = found.flows(calls(pb.HookCall(replay_id="b"), made))
    assert small.replay_id == "b"
    assert list(found.flows(chunk(b"re", last=False))) == []
    assert list(found.flows(chunk(b"quest", last=True))) == []
    (flow,) = found.flows(chunk(b"response", last=True))
    assert flow.response is not None
    assert (flow.request.raw_content, flow.response.raw_content) == (b"request", b"response")


def answered(content: bytes | None = None) -> tuple[pb.HookAnswer, bytes]:
    flow = HookFlow(pb.HookCall(point=pb.HOOK_POINT_REQUEST), (b"", b""))
    if content is not None:
        flow.request.raw_content = content
    return flow.answer()


def test_small_answers_go_together_and_large_contents_in_pieces() -> None:
    together, small, large, *chunks = answer_messages(
        [answered(), answered(b"small"), answered(bytes(2 * CHUNK + 1))]
    )
    assert len(together.answers.answers) == 2
    assert together.answers.answers[1].request.content == b"small"
    assert small.answers.answers[0].request.content_follows
    assert [len(each.content_chunk.data) for each in (large, *chunks)] == [CHUNK, CHUNK, 1]
    assert [each.content_chunk.last for each in (large, *chunks)] == [False, False, True]


def test_what_a_function_raises_is_printed_and_the_policy_decides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flow = HookFlow(pb.HookCall(replay_id="b.1"), (b"", b""))
    for policy, decision in (("continue", "proceed"), ("kill", "kill")):
        hook = Hook("h", on_late=policy)
        hook.at("", lambda _: 1 // 0)  # type: ignore[arg-type, return-value]
        try:
            hook.ask(flow)
        except ZeroDivisionError as error:
            answer, _ = hook.failed(flow, error)
        assert answer.WhichOneof("decision") == decision
    said = capsys.readouterr().err
    assert "hook h, replay b.1:" in said
    assert "ZeroDivisionError" in said

"""An Enqueue's messages become rows; formats and planning have tests of their own."""

from collections.abc import Sequence

import pytest
from flowreplay.v1 import flow_pb2, plan_pb2, replay_pb2

from replayd.codec.plan import decode_plan
from replayd.codec.websocket import decode_conversation
from replayd.errors import ReplaydError
from replayd.intake.decode import DecodeSettings, Decoding
from replayd.intake.frames import LISTED, Summary
from replayd.model.flow import CaptureNote
from replayd.model.plan import (
    ChangeKind,
    HttpVersions,
    LivePlan,
    RecordedValue,
    WebSocketPace,
    WebSocketPlan,
)
from replayd.model.replay import Row
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from tests.rpc.messages import flows, options, post, refused_flow, websocket_flow
from tests.support.tnetstring import dumps, state


def decode(
    *messages: replay_pb2.EnqueueRequest, targets: TargetRules | None = None
) -> tuple[list[Row], Summary]:
    rows: list[Row] = []
    settings = DecodeSettings(targets or TargetRules(), body_size_limit=1000)
    encoded = iter([message.SerializeToString() for message in messages])
    return rows, Decoding(encoded, settings, rows.append).run()


def capture(data: bytes) -> replay_pb2.EnqueueRequest:
    return replay_pb2.EnqueueRequest(capture_chunk=data)


def test_a_row_has_all_that_its_replay_needs() -> None:
    message = flows(1, method=b"POST")
    flow = message.flow_batch.flows[0]
    flow.session_id = "s"
    flow.request.content = b"body"
    flow.request.headers.add(name=b"Content-Length", value=b"4")
    flow.response.status_code = 204
    flow.response.content = b"answer"
    (row,), summary = decode(message)
    assert (row.flow_index, row.session, row.idempotent) == (0, "s", False)
    assert (row.request_content, row.recorded_content) == (b"body", b"answer")
    plan = decode_plan(row.plan)
    assert plan.head.startswith(b"POST /0 HTTP/1.1\r\n")
    assert (plan.recorded_status_code, plan.flow_id) == (204, "flow-0")
    assert flow_pb2.Flow.FromString(row.flow).response.status_code == 204
    assert (summary.accepted, summary.refused) == (1, 0)


def test_flows_without_a_session_have_one_each() -> None:
    rows, _ = decode(flows(3))
    assert len({row.session for row in rows}) == 3
    assert all(row.session for row in rows)


def test_refused_flows_leave_gaps_and_are_counted_by_reason() -> None:
    rows, summary = decode(flows(1), refused_flow("x"), flows(1))
    assert [row.flow_index for row in rows] == [0, 2]
    assert summary.refused_by_reason == {Reason.LIVE_FLOW: 1}
    (refusal,) = summary.refusals
    assert (refusal.flow_index, refusal.flow_id) == (1, "x")


@pytest.mark.parametrize(("field", "value"), [("filter", "~zz"), ("ignored_differences", ["odd"])])
def test_expressions_that_are_none_are_refused(field: str, value: object) -> None:
    with pytest.raises(ReplaydError) as caught:
        decode(options(**{field: value}), flows(1))
    assert caught.value.reason is Reason.INVALID_OPTIONS
    assert caught.value.metadata["field"] == f"options.{field}"


def test_a_filter_leaves_flows_out_before_they_are_refused() -> None:
    wanted = options(filter="~m POST & !~u /1")
    rows, summary = decode(wanted, flows(1), refused_flow("x"), flows(3, method=b"POST"))
    assert [row.flow_index for row in rows] == [2, 4]
    assert (summary.accepted, summary.refused, summary.filtered) == (2, 0, 3)


def test_at_most_a_thousand_refusals_are_listed() -> None:
    _, summary = decode(*[refused_flow()] * (LISTED + 5))
    assert summary.refused == LISTED + 5
    assert len(summary.refusals) == LISTED


def test_the_http_version_reaches_the_plan_and_the_refusal() -> None:
    two = options(http_version=replay_pb2.HTTP_VERSION_TWO)
    unsafe = flows(1)
    unsafe.flow_batch.flows[0].request.headers.add(name=b"a", value=b"folded\r\n line")
    rows, summary = decode(two, flows(1), unsafe)
    plan = decode_plan(rows[0].plan)
    assert plan.target.http_versions is HttpVersions.TWO
    assert plan.http2 is not None
    assert summary.refused_by_reason == {Reason.UNSAFE_BYTES: 1}
    (row, _), summary = decode(options(), flows(1), unsafe)
    assert decode_plan(row.plan).http2 is None


def test_a_websocket_has_its_messages_in_place_of_content() -> None:
    (row,), _ = decode(websocket_flow())
    plan = decode_plan(row.plan)
    assert plan.websocket == WebSocketPlan(2, 1, client_closed=False)
    assert (plan.content_size, row.idempotent) == (0, False)
    flow = flow_pb2.Flow.FromString(row.flow)
    assert not flow.websocket.messages
    said = list(decode_conversation((row.request_content,)))
    assert [(each.from_client, each.content) for each in said] == [
        (True, b"hello"),
        (False, b"hello"),
        (True, b"bye"),
    ]


def test_the_choices_about_websockets_reach_the_plan_and_the_refusal() -> None:
    paced = options(websocket_pace=plan_pb2.WEB_SOCKET_PACE_RECORDED)
    (row,), _ = decode(paced, websocket_flow())
    websocket = decode_plan(row.plan).websocket
    assert websocket is not None
    assert websocket.pace is WebSocketPace.RECORDED
    rows, summary = decode(options(refuse_websocket=True), websocket_flow())
    assert rows == []
    assert summary.refused_by_reason == {Reason.WEBSOCKET_FLOW: 1}


def test_a_trusted_key_reaches_the_plan_and_the_row() -> None:
    keyed = flows(1)
    request = keyed.flow_batch.flows[0].request
    request.method = b"POST"
    request.headers.add(name=b"Idempotency-Key", value=b"1")
    for trusted in (True, False):
        (row,), _ = decode(options(trust_idempotency_key=trusted), keyed)
        assert decode_plan(row.plan).idempotent is row.idempotent is trusted


def test_connect_to_and_raw_reach_the_plan() -> None:
    rule = replay_pb2.ConnectTo(dial_host="127.0.0.1", dial_port=9)
    unsafe = flows(1)
    unsafe.flow_batch.flows[0].request.path = b"/\r\nX: y"
    (row,), _ = decode(options(connect_to=[rule], raw=True), unsafe)
    plan = decode_plan(row.plan)
    assert plan.target.address == ("127.0.0.1", 9)
    assert b"\r\nX: y" in plan.head


def test_a_denied_target_is_refused() -> None:
    _, summary = decode(flows(1), targets=TargetRules(deny=["127.0.0.1"]))
    assert summary.refused_by_reason == {Reason.TARGET_DENIED: 1}


def test_salvage_refuses_what_is_damaged_and_goes_on() -> None:
    dump = dumps(state(id="a")) + b"5:hello," + dumps(state(id="b")) + b"7:torn"
    rows, summary = decode(options(salvage=True), capture(dump))
    assert [row.flow_index for row in rows] == [0, 2]
    assert summary.refused_by_reason == {Reason.DAMAGED_CAPTURE: 2}
    first, last = summary.refusals
    assert (first.flow_index, last.flow_index) == (1, 3)
    at = len(dumps(state(id="a")))
    assert first.message.endswith(f"(byte {at})")
    with pytest.raises(ReplaydError, match=rf"\(byte {at}, flow 1\)"):
        decode(options(), capture(dump))


def test_every_format_of_the_contract_is_read() -> None:
    for number in replay_pb2.CaptureFormat.values():
        rows, summary = decode(options(format=number))
        assert (rows, summary.refused) == ([], 0)


def content_hash(*messages: replay_pb2.EnqueueRequest) -> str:
    return decode(*messages)[1].content_hash


def test_the_hash_is_of_options_and_content_but_not_of_the_request_id() -> None:
    plain = content_hash(options(request_id="a"), flows(2))
    assert plain == content_hash(options(request_id="b"), flows(2))
    assert plain != content_hash(options(request_id="a"), flows(3))
    assert plain != content_hash(options(request_id="a", strict=True), flows(2))


def test_the_hash_tells_where_a_flow_ends() -> None:
    def typed(*found: flow_pb2.Flow) -> replay_pb2.EnqueueRequest:
        return replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=found))

    first, second = flow_pb2.Flow(flow_id="a"), flow_pb2.Flow(comment="b")
    one = flow_pb2.Flow(flow_id="a", comment="b")
    assert content_hash(typed(first, second)) != content_hash(typed(one))


def test_an_id_is_cut_so_that_every_event_can_be_sent() -> None:
    message = flows(1)
    message.flow_batch.flows[0].flow_id = "x" * 5_000_000
    (row,), _ = decode(message)
    assert decode_plan(row.plan).flow_id == "x" * 200
    _, summary = decode(refused_flow("y" * 5_000_000))
    assert summary.refusals[0].flow_id == "y" * 200


def test_a_note_is_cut() -> None:
    decoding = Decoding(iter([]), DecodeSettings(TargetRules(), 1), lambda _: None)
    decoding._note(CaptureNote(0, "x" * 5_000_000))
    assert len(decoding.run().notes[0].message) == 1000


@pytest.mark.parametrize(
    "large",
    [
        replay_pb2.EnqueueRequest(capture_chunk=bytes((1 << 20) + 1)),
        replay_pb2.EnqueueRequest(content_chunk=replay_pb2.ContentChunk(data=bytes((1 << 20) + 1))),
    ],
)
def test_a_chunk_has_at_most_a_mib(large: replay_pb2.EnqueueRequest) -> None:
    with pytest.raises(ReplaydError, match="at most 1048576") as caught:
        decode(large)
    assert caught.value.reason is Reason.INVALID_STREAM


@pytest.mark.parametrize(
    "messages",
    [
        [options(), options()],
        [replay_pb2.EnqueueRequest()],
        [replay_pb2.EnqueueRequest(content_chunk=replay_pb2.ContentChunk())],
    ],
)
def test_a_stream_that_begins_otherwise_is_refused(
    messages: Sequence[replay_pb2.EnqueueRequest],
) -> None:
    with pytest.raises(ReplaydError) as caught:
        decode(*messages)
    assert caught.value.reason is Reason.INVALID_STREAM


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(ReplaydError, match="is not a flowreplay"):
        Decoding(iter([b"\xff"]), DecodeSettings(TargetRules(), 1), lambda _: None).run()


def test_a_time_that_is_none_costs_nobody_anything() -> None:
    message = flows(2)
    message.flow_batch.flows[0].request.start_time.seconds = 10**15
    rows, summary = decode(message)
    assert (len(rows), summary.refused) == (2, 0)


def test_rewriting_reaches_the_row_the_plan_and_the_rules_of_targets() -> None:
    asked = options(
        target="http://127.0.0.2:81",
        modify_body=[{"filter": "~m POST", "regex": b"b", "replacement": b"token=\xff"}],
    )
    (got, posted), summary = decode(asked, flows(1), post(b"a=b"))
    plan = decode_plan(posted.plan)
    assert plan.target.address == ("127.0.0.2", 81)
    assert [each.kind for each in plan.changes] == [
        *(ChangeKind.TARGET_REWRITTEN, ChangeKind.FIELD_REWRITTEN, ChangeKind.FIELD_REWRITTEN),
        ChangeKind.CONTENT_REWRITTEN,
    ]
    assert posted.request_content == b"a=token=\xff"
    assert plan.content_size == len(posted.request_content)
    # What everybody is shown is judged by what is sent.
    assert posted.shown_content == b""
    assert flow_pb2.Flow.FromString(got.flow).request.host == "127.0.0.2"
    assert summary.accepted == 2
    denying = TargetRules(deny=["127.0.0.2"])
    _, summary = decode(asked, flows(1), targets=denying)
    assert summary.refused_by_reason == {Reason.TARGET_DENIED: 1}


def test_messages_of_a_websocket_are_rewritten() -> None:
    asked = options(modify_body=[{"regex": b"hello", "replacement": b"good day"}])
    (row,), _ = decode(asked, websocket_flow())
    said = list(decode_conversation((row.request_content,)))
    assert [each.content for each in said] == [b"good day", b"hello", b"bye"]


def test_what_can_not_be_rewritten_is_refused_for_what_it_lacks_first() -> None:
    asked = options(modify_body=[{"regex": b"a", "replacement": b"b"}])
    packed = post(b"a")
    field = packed.flow_batch.flows[0].request.headers.add()
    field.name, field.value = b"Content-Encoding", b"br"
    live = replay_pb2.EnqueueRequest()
    live.CopyFrom(packed)
    live.flow_batch.flows[0].live = True
    rows, summary = decode(asked, packed, live)
    assert rows == []
    assert summary.refused_by_reason == {Reason.REWRITE_FAILED: 1, Reason.LIVE_FLOW: 1}


def test_a_flow_that_no_rule_touches_keeps_its_message() -> None:
    asked = options(set_headers=[{"name": b"Host", "value": b"h"}])
    assert decode(asked, flows(2))[0] == decode(flows(2))[0]


def test_flows_outside_the_window_are_left_out_and_counted() -> None:
    message = flows(4)
    for index, flow in enumerate(message.flow_batch.flows):
        flow.request.start_time.seconds = 100 + index
    rows, summary = decode(options(window_start_duration={"seconds": 2}, filter="!~u /3"), message)
    assert ([row.flow_index for row in rows], summary.filtered) == ([2], 3)


def with_answer(content: bytes, session: str) -> replay_pb2.EnqueueRequest:
    message = flows(1)
    flow = message.flow_batch.flows[0]
    flow.session_id = session
    flow.response.status_code = 200
    flow.response.content = content
    flow.response.headers.add(name=b"Set-Cookie", value=b"sid=1; Path=/")
    return message


def test_recorded_values_are_kept_with_plans_and_shown_to_nobody() -> None:
    wanted = options(sticky_cookies=True, carry=["json:$.token"])
    (row,), _ = decode(wanted, with_answer(b'{"token": "recorded"}', "a"))
    live = LivePlan(True, (RecordedValue("json:$.token", b"recorded"),), (b"sid=1; Path=/",))
    assert decode_plan(row.plan).live == live
    assert row.shown_plan
    assert decode_plan(row.shown_plan).live is None


@pytest.mark.parametrize(
    ("scope", "sessions"),
    [
        (replay_pb2.LIVE_SCOPE_UNSPECIFIED, 1),
        (replay_pb2.LIVE_SCOPE_BATCH, 1),
        (replay_pb2.LIVE_SCOPE_SESSION, 2),
    ],
)
def test_who_shares_live_values_is_one_session(
    scope: replay_pb2.LiveScope.ValueType, sessions: int
) -> None:
    both = (with_answer(b"", "a"), with_answer(b"", "b"))
    rows, _ = decode(options(sticky_cookies=True, live_scope=scope), *both)
    assert len({row.session for row in rows}) == sessions
    rows, _ = decode(options(), *both)
    assert len({row.session for row in rows}) == 2
    assert {decode_plan(row.plan).live for row in rows} == {None}


def test_a_source_that_finds_nothing_is_noted() -> None:
    wanted = options(carry=["json:$.token", "json:$.tokne"])
    _, summary = decode(wanted, with_answer(b'{"token": "recorded"}', "a"), flows(1))
    (note,) = summary.notes
    assert (note.flow_index, note.message.endswith(" at json:$.tokne")) == (1, True)
    _, summary = decode(options(carry=["json:$.token"]))
    assert [note.flow_index for note in summary.notes] == [0]


def test_a_source_that_is_none_is_named() -> None:
    with pytest.raises(ReplaydError, match="carry can't be used: 'token' is no source"):
        decode(options(carry=["token"]), flows(1))

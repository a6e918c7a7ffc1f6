from collections.abc import Iterator

import pytest
from flowreplay.v1.event_pb2 import Resolution
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.plan_pb2 import WebSocketPace
from flowreplay.v1.replay_pb2 import (
    CAPTURE_FORMAT_MITMPROXY,
    HTTP_VERSION_ONE,
    ConnectTo,
    EnqueueRequest,
    HttpVersion,
    OnInterrupt,
    StreamEnd,
)
from flowreplay_client import HTTP_VERSIONS, EnqueueSettings, request_flow
from flowreplay_client.capture import CHUNK_BYTES, open_capture
from flowreplay_client.messages import (
    BATCH_FLOWS,
    ON_INTERRUPT,
    RESOLUTIONS,
    WEBSOCKET_PACES,
    capture_messages,
    enqueue_options,
    flow_messages,
    format_names,
    plan_messages,
    resolve_request,
)

OPTIONS = enqueue_options({"request_id": "r"})
MESSAGE_LIMIT = 8 << 20


def flow(size: int, *, recorded: int = 0) -> Flow:
    flow = request_flow("POST", "http://h/", content=b"x" * size)
    if recorded:
        flow.response.content = b"y" * recorded
    return flow


def put_together(messages: list[EnqueueRequest]) -> list[Flow]:
    """The flows of a stream, as the daemon puts them together."""
    flows: list[Flow] = []
    missing: list[str] = []
    for message in messages:
        if message.HasField("flow_batch"):
            assert not missing
            flows += message.flow_batch.flows
            last = flows[-1]
            missing = [
                half for half in ("request", "response") if getattr(last, half).content_follows
            ]
        else:
            half = getattr(flows[-1], missing[0])
            half.content += message.content_chunk.data
            if message.content_chunk.last:
                half.content_follows = False
                missing.pop(0)
    assert not missing
    return flows


def test_settings_become_options() -> None:
    rule = ConnectTo(dial_host="h", dial_port=1)
    settings = EnqueueSettings(
        format="mitmproxy",
        strict=True,
        stream=False,
        label="l",
        connect_to=["=h:1", rule],
        raw=True,
        salvage=True,
        http_version="1.1",
        refuse_websocket=True,
        websocket_pace="recorded",
        on_interrupt="park",
        trust_idempotency_key=True,
    )
    options = enqueue_options(settings)
    assert options.format == CAPTURE_FORMAT_MITMPROXY
    assert (options.strict, options.raw, options.label) == (True, True, "l")
    assert options.salvage
    assert options.http_version == HTTP_VERSION_ONE
    assert options.refuse_websocket
    assert options.websocket_pace == WebSocketPace.WEB_SOCKET_PACE_RECORDED
    assert options.on_interrupt == OnInterrupt.ON_INTERRUPT_PARK
    assert options.trust_idempotency_key
    assert list(options.connect_to) == [rule, rule]


def test_each_call_has_a_request_id_of_its_own() -> None:
    assert enqueue_options({}).request_id != enqueue_options({"request_id": ""}).request_id != ""
    assert OPTIONS.request_id == "r"


def test_every_choice_of_the_version_has_its_word() -> None:
    numbers = [enqueue_options({"http_version": name}).http_version for name in HTTP_VERSIONS]
    assert sorted({0, *numbers}) == sorted(HttpVersion.values())
    assert enqueue_options({}).http_version == 0
    with pytest.raises(ValueError, match=r"'3' is not an HTTP version; use auto, recorded, 1.1, 2"):
        enqueue_options({"http_version": "3"})


def test_every_pace_has_its_word() -> None:
    numbers = [enqueue_options({"websocket_pace": name}).websocket_pace for name in WEBSOCKET_PACES]
    assert sorted({0, *numbers}) == sorted(WebSocketPace.values())
    assert enqueue_options({}).websocket_pace == 0
    assert not enqueue_options({}).refuse_websocket
    with pytest.raises(ValueError, match="'fast' is not a pace; use messages, recorded"):
        enqueue_options({"websocket_pace": "fast"})


def test_every_end_of_an_interrupted_replay_has_its_word() -> None:
    numbers = [enqueue_options({"on_interrupt": name}).on_interrupt for name in ON_INTERRUPT]
    assert sorted({0, *numbers}) == sorted(OnInterrupt.values())
    assert enqueue_options({}).on_interrupt == 0
    with pytest.raises(ValueError, match=r"'drop' .* use auto, resend, park, fail"):
        enqueue_options({"on_interrupt": "drop"})


def test_every_resolution_has_its_word() -> None:
    numbers = [resolve_request(name, (), "b").resolution for name in RESOLUTIONS]
    assert sorted({0, *numbers}) == sorted(Resolution.values())
    assert list(resolve_request("drop", ["b.1"], "").replay_ids) == ["b.1"]
    with pytest.raises(ValueError, match="'keep' is no resolution; use resend, drop"):
        resolve_request("keep", (), "b")


def test_a_format_that_nobody_knows_is_refused_with_those_that_are() -> None:
    assert format_names()[:3] == ["mitmproxy", "har", "goreplay"]
    with pytest.raises(ValueError, match=r"'pcap' is not a capture format; use mitmproxy, har, "):
        enqueue_options({"format": "pcap"})


def test_a_capture_follows_its_options_in_chunks() -> None:
    content = b"c" * (CHUNK_BYTES + 1)
    reports: list[tuple[int, int | None]] = []
    capture = open_capture(content)
    first, *rest, end = capture_messages(OPTIONS, capture, lambda *report: reports.append(report))
    assert first.options == OPTIONS
    assert OPTIONS.end_follows
    assert end.end == StreamEnd(capture_bytes=CHUNK_BYTES + 1)
    assert [len(message.capture_chunk) for message in rest] == [CHUNK_BYTES, 1]
    assert reports == [(CHUNK_BYTES, len(content)), (len(content), len(content))]


def test_small_flows_share_messages() -> None:
    flows = [flow(1) for _ in range(BATCH_FLOWS + 1)]
    first, *rest, end = flow_messages(OPTIONS, iter(flows))
    assert end.end == StreamEnd(flow_count=BATCH_FLOWS + 1)
    assert first.options == OPTIONS
    assert [len(message.flow_batch.flows) for message in rest] == [BATCH_FLOWS, 1]
    assert put_together(rest) == flows


def test_flows_of_an_iterator_that_streams_go_one_by_one() -> None:
    streams = enqueue_options({"stream": True})
    flows = [flow(1), flow(2 << 20), flow(1)]
    made: list[Flow] = []

    def live() -> Iterator[Flow]:
        for each in flows:
            made.append(each)
            yield each

    messages = flow_messages(streams, live())
    assert next(messages).options.stream
    assert next(messages).flow_batch.flows[0] == flows[0] == made[-1]
    *rest, end = messages
    assert put_together(rest) == flows[1:]
    assert end.end.flow_count == 3
    _, one, _ = flow_messages(streams, [flow(1)] * 2)
    assert len(one.flow_batch.flows) == 2


def test_a_stream_can_not_be_strict() -> None:
    with pytest.raises(ValueError, match="stream contradicts strict"):
        enqueue_options({"stream": True, "strict": True})


@pytest.mark.parametrize(
    "sizes",
    [
        [(1 << 20, 0)],
        [(1, 0), (9 << 20, 0), (1, 0)],
        [(9 << 20, 9 << 20)],
        [(1, 9 << 20), (700 << 10, 700 << 10)],
        [(CHUNK_BYTES * 3, 0)],
        [(600 << 10, 0)] * 3,
    ],
)
def test_large_contents_follow_their_flow(sizes: list[tuple[int, int]]) -> None:
    flows = [flow(size, recorded=recorded) for size, recorded in sizes]
    before = [each.SerializeToString() for each in flows]
    _, *rest, _ = flow_messages(OPTIONS, flows)
    assert all(message.ByteSize() < MESSAGE_LIMIT // 4 for message in rest)
    assert put_together(rest) == flows
    assert [each.SerializeToString() for each in flows] == before


def test_no_flows_are_an_empty_batch() -> None:
    first, end = flow_messages(OPTIONS, [])
    assert first.options == OPTIONS
    assert end.end == StreamEnd()


def test_a_plan_has_the_messages_of_its_enqueue() -> None:
    flows = [flow(10), flow(3 << 20, recorded=1)]
    capture = open_capture(bytes(CHUNK_BYTES + 1))
    for messages in (flow_messages(OPTIONS, flows), capture_messages(OPTIONS, capture)):
        sent = list(messages)
        first, *rest = plan_messages(sent, 7)
        assert first.content_limit_bytes == 7
        first.ClearField("content_limit_bytes")
        same = [each.SerializeToString() for each in (first, *rest)]
        assert same == [each.SerializeToString() for each in sent]
    (first,) = plan_messages([EnqueueRequest(options=OPTIONS)], None)
    assert not first.HasField("content_limit_bytes")

import pytest
from flowreplay.v1 import flow_pb2

from replayd.codec.flow import (
    decode_flow,
    decode_typed_flow,
    encode_flow,
    request_content,
    strip_contents,
)
from replayd.codec.websocket import websocket_message
from replayd.model.flow import (
    Flow,
    FlowError,
    FlowKind,
    Request,
    Response,
    WebSocket,
    WebSocketMessage,
    WebSocketMessageKind,
)

MESSAGE = WebSocketMessage(WebSocketMessageKind.BINARY, True, b"message", 1.5)
FLOW = Flow(
    flow_id="id",
    session_id="session",
    request=Request(
        method=b"GET",
        scheme=b"https",
        host="example.com",
        port=8443,
        path=b"/\xff",
        http_version=b"HTTP/2.0",
        headers=((b"A", b"1"), (b"a", b"\xff"), (b"A", b"1")),
        content=b"request",
        authority=b"example.com:8443",
        trailers=((b"t", b"1"),),
        start_time=1795399200.123456,
        end_time=0.5,
    ),
    response=Response(
        http_version=b"HTTP/1.0",
        status_code=299,
        reason_phrase=b"Odd \xff",
        headers=((b"B", b""),),
        content=b"response",
        trailers=((b"u", b"2"),),
        start_time=1.25,
        end_time=None,
    ),
    error=FlowError("cut", 2.5),
    live=True,
    intercepted=True,
    server_name="sni.example",
    comment="c",
    mark=":default:",
)


def test_a_flow_comes_back_with_its_contents_beside_it() -> None:
    message = flow_pb2.Flow.FromString(encode_flow(FLOW))
    assert decode_flow(message, b"request", b"response") == FLOW


ODD = (b"", b"\xff" * 200), (b"n" * 600, b""), (b"a", b"1"), (b"a", b"1")


@pytest.mark.parametrize(
    "flow",
    [
        FLOW,
        Flow(),
        Flow(flow_id="\u00e9" * 100, kind=FlowKind.DNS, error=FlowError("", None)),
        Flow(request=Request(b"", b"", "", -1, b"", b"", ODD, None, trailers=ODD)),
        Flow(request=Request(b"GET", b"http", "h", 80, b"/", start_time=0.0, end_time=-1.5)),
        Flow(response=Response(b"HTTP/1.1", -1, b"", ODD, None, ODD, 1e9, 1e9 + 1e-6)),
        Flow(kind=FlowKind.WEBSOCKET, websocket=WebSocket(client_closed=False)),
    ],
)
def test_a_flow_is_encoded_as_generated_code_does(flow: Flow) -> None:
    encoded = encode_flow(flow)
    assert flow_pb2.Flow.FromString(encoded).SerializeToString(deterministic=True) == encoded


def test_contents_are_not_in_the_message() -> None:
    encoded = encode_flow(FLOW)
    assert b"request" not in encoded
    assert b"response" not in encoded


def test_a_websocket_flow_has_its_messages_in_place_of_content() -> None:
    websocket = WebSocket((MESSAGE, MESSAGE), False, 1001, "away", 3.5)
    request = Request(b"GET", b"http", "h", 80, b"/")
    flow = Flow(kind=FlowKind.WEBSOCKET, request=request, websocket=websocket)
    encoded, content = encode_flow(flow), request_content(flow)
    assert MESSAGE.content not in encoded
    assert decode_flow(flow_pb2.Flow.FromString(encoded), content, None) == flow


def test_a_typed_websocket_flow_carries_its_messages() -> None:
    message = flow_pb2.Flow(websocket={"messages": [websocket_message(MESSAGE)]})
    assert decode_typed_flow(message).websocket == WebSocket((MESSAGE,))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (flow_pb2.FLOW_KIND_UNSPECIFIED, FlowKind.WEBSOCKET),
        (flow_pb2.FLOW_KIND_HTTP, FlowKind.WEBSOCKET),
        (flow_pb2.FLOW_KIND_WEBSOCKET, FlowKind.WEBSOCKET),
        (flow_pb2.FLOW_KIND_TCP, FlowKind.TCP),
    ],
)
def test_a_handshake_with_messages_is_no_mere_http(
    said: flow_pb2.FlowKind.ValueType, kind: FlowKind
) -> None:
    assert decode_typed_flow(flow_pb2.Flow(kind=said, websocket={})).kind is kind


def test_left_out_content_stays_left_out() -> None:
    flow = Flow(request=Request(b"GET", b"http", "h", 80, b"/", content=None))
    message = flow_pb2.Flow.FromString(encode_flow(flow))
    assert message.request.content_missing
    assert decode_typed_flow(message).request == flow.request


def test_a_typed_flow_needs_little() -> None:
    request = flow_pb2.Request(method=b"GET", scheme=b"HTTPS", host="h")
    flow = decode_typed_flow(flow_pb2.Flow(request=request))
    assert flow.kind is FlowKind.HTTP
    assert flow.request == Request(b"GET", b"https", "h", 443, b"/")
    assert flow.response is None
    assert flow.error is None


def test_a_kind_of_the_future_is_not_http() -> None:
    flow = decode_typed_flow(flow_pb2.Flow.FromString(b"\x18\x63"))
    assert flow.kind is FlowKind.TCP


def test_a_typed_flow_without_its_contents_says_what_its_own_encoding_would() -> None:
    message = flow_pb2.Flow.FromString(encode_flow(FLOW))
    message.request.content, message.response.content = b"request", b"response"
    flow = decode_typed_flow(message)
    assert strip_contents(message)
    assert message == flow_pb2.Flow.FromString(encode_flow(flow))
    assert decode_flow(message, b"request", b"response") == flow == FLOW


def test_a_typed_websocket_flow_is_stripped_of_its_messages() -> None:
    websocket = {"messages": [websocket_message(MESSAGE)], "close_code": 1001}
    message = flow_pb2.Flow(request={"method": b"GET"}, websocket=websocket)
    flow = decode_typed_flow(message)
    assert strip_contents(message)
    assert not message.websocket.messages
    assert decode_flow(message, request_content(flow), None) == flow


def test_what_has_no_contents_stays_as_it_came() -> None:
    for message in (flow_pb2.Flow(), flow_pb2.Flow(request={"host": "h"}, websocket={})):
        came = message.SerializeToString()
        assert not strip_contents(message)
        assert message.SerializeToString() == came


def test_a_flow_of_which_nothing_was_captured_has_a_request_and_a_response() -> None:
    flow = Flow(request=Request(b"", b"", "", 0, b""), response=Response(b"", 0))
    message = flow_pb2.Flow.FromString(encode_flow(flow))
    assert message.HasField("request")
    assert message.HasField("response")

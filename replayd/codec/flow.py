"""Flows: model <-> `flowreplay.v1.Flow`.

Contents are kept beside the message (a journal stores them apart), so `encode_flow`
leaves them out and `decode_flow` takes them as arguments.
"""

from collections.abc import Iterable

from flowreplay.v1 import flow_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from replayd.model.flow import Flow, FlowError, FlowKind, Headers, Request, Response

_DEFAULT_PORTS = {b"http": 80, b"https": 443}


def encode_flow(flow: Flow) -> bytes:
    """Encodes a flow without its contents."""
    message = flow_pb2.Flow(
        flow_id=flow.flow_id,
        session_id=flow.session_id,
        kind=flow_pb2.FlowKind.ValueType(flow.kind.value),
        live=flow.live,
        intercepted=flow.intercepted,
        server_name=flow.server_name,
        comment=flow.comment,
        mark=flow.mark,
    )
    if flow.request is not None:
        message.request.CopyFrom(_request_message(flow.request))
    if flow.response is not None:
        message.response.CopyFrom(_response_message(flow.response))
    if flow.error is not None:
        message.error.message = flow.error.message
        _set_time(message.error.error_time, flow.error.time)
    return message.SerializeToString()


def decode_flow(
    message: flow_pb2.Flow, request_content: bytes | None, recorded_content: bytes | None
) -> Flow:
    """Converts a message to a flow with these contents (None: left out of the capture)."""
    return Flow(
        flow_id=message.flow_id,
        session_id=message.session_id,
        kind=_kind(message.kind),
        request=_request(message.request, request_content) if message.HasField("request") else None,
        response=(
            _response(message.response, recorded_content) if message.HasField("response") else None
        ),
        error=(
            FlowError(message.error.message, _time(message.error, "error_time"))
            if message.HasField("error")
            else None
        ),
        live=message.live,
        intercepted=message.intercepted,
        server_name=message.server_name,
        comment=message.comment,
        mark=message.mark,
    )


def decode_typed_flow(message: flow_pb2.Flow) -> Flow:
    """Converts a message that carries its contents, as an Enqueue has it."""
    request, response = message.request, message.response
    return decode_flow(
        message,
        None if request.content_missing else request.content,
        None if response.content_missing else response.content,
    )


def header_messages(headers: Headers) -> Iterable[flow_pb2.Header]:
    """Converts fields to messages, in their order."""
    return (flow_pb2.Header(name=name, value=value) for name, value in headers)


def headers_from(messages: Iterable[flow_pb2.Header]) -> Headers:
    """Converts messages to fields, in their order."""
    return tuple((header.name, header.value) for header in messages)


def _kind(value: int) -> FlowKind:
    # A kind that this version does not know is at least not HTTP.
    if value == flow_pb2.FLOW_KIND_UNSPECIFIED:
        return FlowKind.HTTP
    return FlowKind(value) if value in FlowKind.__members__.values() else FlowKind.TCP


def _request_message(request: Request) -> flow_pb2.Request:
    message = flow_pb2.Request(
        method=request.method,
        scheme=request.scheme,
        host=request.host,
        port=request.port,
        authority=request.authority,
        path=request.path,
        http_version=request.http_version,
        headers=header_messages(request.headers),
        content_missing=request.content is None,
        trailers=header_messages(request.trailers),
    )
    _set_time(message.start_time, request.start_time)
    _set_time(message.end_time, request.end_time)
    return message


def _request(message: flow_pb2.Request, content: bytes | None) -> Request:
    scheme = message.scheme.lower()
    return Request(
        method=message.method,
        scheme=scheme,
        host=message.host,
        port=message.port or _DEFAULT_PORTS.get(scheme, 0),
        path=message.path or b"/",
        http_version=message.http_version or b"HTTP/1.1",
        headers=headers_from(message.headers),
        content=content,
        authority=message.authority,
        trailers=headers_from(message.trailers),
        start_time=_time(message, "start_time"),
        end_time=_time(message, "end_time"),
    )


def _response_message(response: Response) -> flow_pb2.Response:
    message = flow_pb2.Response(
        http_version=response.http_version,
        status_code=response.status_code,
        reason_phrase=response.reason_phrase,
        headers=header_messages(response.headers),
        content_missing=response.content is None,
        trailers=header_messages(response.trailers),
    )
    _set_time(message.start_time, response.start_time)
    _set_time(message.end_time, response.end_time)
    return message


def _response(message: flow_pb2.Response, content: bytes | None) -> Response:
    return Response(
        http_version=message.http_version,
        status_code=message.status_code,
        reason_phrase=message.reason_phrase,
        headers=headers_from(message.headers),
        content=content,
        trailers=headers_from(message.trailers),
        start_time=_time(message, "start_time"),
        end_time=_time(message, "end_time"),
    )


def _set_time(field: Timestamp, seconds: float | None) -> None:
    if seconds is not None:
        field.FromNanoseconds(round(seconds * 1_000_000) * 1000)


def _time(
    message: flow_pb2.Request | flow_pb2.Response | flow_pb2.FlowError, name: str
) -> float | None:
    if not message.HasField(name):  # type: ignore[arg-type]
        return None
    stamp: Timestamp = getattr(message, name)
    return stamp.seconds + stamp.nanos / 1e9

"""Plans: model <-> `flowreplay.v1.Plan`."""

from functools import lru_cache

from flowreplay.v1 import plan_pb2

from replayd.codec.fields import header_messages, headers_from, set_time, time_of
from replayd.codec.wire_format import bytes_field, signed, varint
from replayd.model.plan import (
    Change,
    ChangeKind,
    Framing,
    Http2Request,
    HttpVersions,
    LivePlan,
    Plan,
    RecordedValue,
    Target,
    WebSocketPace,
    WebSocketPlan,
)

_FRAMINGS = {framing.value: framing for framing in Framing}
_HTTP_VERSIONS = {version.value: version for version in HttpVersions} | {0: HttpVersions.ONE}
"""Plans of before there was a choice have none."""


def encode_plan(plan: Plan) -> bytes:
    """Encodes a plan. By hand, field by field in their order: each flow that is taken in has
    one, and generated code takes five times as long.
    """
    parts: list[bytes] = []
    if plan.method:
        parts += (b"\x0a", varint(len(plan.method)), plan.method)
    if plan.url:
        parts += (b"\x12", varint(len(plan.url)), plan.url)
    parts.append(_target_field(plan.target))
    if plan.head:
        parts += (b"\x22", varint(len(plan.head)), plan.head)
    if plan.framing or plan.content_size or plan.trailer_section:
        parts.append(_content_fields(plan))
    parts += [bytes_field(8, _change_message(each).SerializeToString()) for each in plan.changes]
    if plan.idempotent:
        parts.append(b"\x48\x01")
    if plan.expect_continue:
        parts.append(b"\x50\x01")
    if plan.flow_index:
        parts += (b"\x58", varint(plan.flow_index))
    if plan.flow_id:
        parts.append(bytes_field(12, plan.flow_id.encode()))
    if plan.recorded_status_code:
        parts += (b"\x68", signed(plan.recorded_status_code))
    if plan.proxy_authorization:
        parts.append(b"\x70\x01")
    if plan.http2:
        parts.append(bytes_field(15, _http2_message(plan.http2).SerializeToString()))
    if plan.websocket:
        parts.append(bytes_field(16, _websocket_message(plan.websocket).SerializeToString()))
    if plan.resends_replay_id:
        parts.append(bytes_field(17, plan.resends_replay_id.encode()))
    if plan.live is not None:
        parts.append(bytes_field(20, _live_message(plan.live).SerializeToString()))
    if plan.recorded_digest:
        parts.append(bytes_field(45, plan.recorded_digest))
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _target_field(target: Target) -> bytes:
    """A capture has many flows to few targets."""
    message = plan_pb2.Target(
        scheme=target.scheme,
        host=target.host,
        port=target.port,
        server_name=target.server_name,
        dial_host=target.dial_host,
        dial_port=target.dial_port,
        http_versions=plan_pb2.HttpVersions.ValueType(target.http_versions.value),
        tunnelled=target.tunnelled,
    )
    return bytes_field(3, message.SerializeToString())


def _content_fields(plan: Plan) -> bytes:
    return plan_pb2.Plan(
        framing=plan_pb2.Framing.ValueType(plan.framing.value),
        content_size_bytes=plan.content_size,
        trailer_section=plan.trailer_section,
    ).SerializeToString()


def decode_plan(data: bytes) -> Plan:
    """Decodes what `encode_plan` made."""
    message = plan_pb2.Plan.FromString(data)
    target = message.target
    # By position, and from a tuple: with names it would take several times as long.
    return Plan._make(
        (
            message.method,
            message.url,
            _target(
                target.scheme,
                target.host,
                target.port,
                target.server_name,
                target.dial_host,
                target.dial_port,
                _HTTP_VERSIONS[target.http_versions],
                target.tunnelled,
            ),
            message.head,
            _FRAMINGS[message.framing],
            message.content_size_bytes,
            message.trailer_section,
            tuple([_change(change) for change in message.changes]),
            message.idempotent,
            message.expect_continue,
            message.flow_index,
            message.flow_id,
            message.recorded_status_code,
            message.proxy_authorization,
            _http2(message.http2) if message.HasField("http2") else None,
            _websocket(message.websocket) if message.HasField("websocket") else None,
            message.resends_replay_id,
            _live(message.live) if message.HasField("live") else None,
            message.recorded_digest,
        )
    )


_target = lru_cache(maxsize=1024)(Target)
"""A capture has many flows to few targets."""


def _change_message(change: Change) -> plan_pb2.Change:
    return plan_pb2.Change(
        kind=plan_pb2.ChangeKind.ValueType(change.kind.value), description=change.description
    )


def _change(message: plan_pb2.Change) -> Change:
    return Change(ChangeKind(message.kind), message.description)


def _http2_message(request: Http2Request) -> plan_pb2.Http2Request:
    return plan_pb2.Http2Request(
        headers=header_messages(request.headers),
        trailers=header_messages(request.trailers),
        changes=map(_change_message, request.changes),
    )


def _http2(message: plan_pb2.Http2Request) -> Http2Request:
    return Http2Request(
        headers=headers_from(message.headers),
        trailers=headers_from(message.trailers),
        changes=tuple(map(_change, message.changes)),
    )


def _websocket_message(plan: WebSocketPlan) -> plan_pb2.WebSocketPlan:
    message = plan_pb2.WebSocketPlan(
        client_message_count=plan.client_message_count,
        server_message_count=plan.server_message_count,
        pace=plan_pb2.WebSocketPace.ValueType(plan.pace.value),
        client_closed=plan.client_closed,
        close_code=plan.close_code,
        close_reason=plan.close_reason,
    )
    set_time(message.handshake_time, plan.handshake_time)
    return message


def _websocket(message: plan_pb2.WebSocketPlan) -> WebSocketPlan:
    return WebSocketPlan(
        client_message_count=message.client_message_count,
        server_message_count=message.server_message_count,
        pace=WebSocketPace(message.pace or WebSocketPace.AFTER_MESSAGES),
        client_closed=message.client_closed,
        close_code=message.close_code,
        close_reason=message.close_reason,
        handshake_time=time_of(message, "handshake_time"),
    )


def _live_message(live: LivePlan) -> plan_pb2.LivePlan:
    return plan_pb2.LivePlan(
        sticky_cookies=live.sticky_cookies,
        recorded_values=[
            plan_pb2.RecordedValue(source=each.source, value=each.value)
            for each in live.recorded_values
        ],
        recorded_set_cookies=live.recorded_set_cookies,
    )


def _live(message: plan_pb2.LivePlan) -> LivePlan:
    return LivePlan(
        message.sticky_cookies,
        tuple([RecordedValue(each.source, each.value) for each in message.recorded_values]),
        tuple(message.recorded_set_cookies),
    )

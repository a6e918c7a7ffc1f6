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


class PlanMould:
    """A plan that is encoded but for what differs between flows that are otherwise alike.

    By hand, field by field in their order: each flow that is taken in has a plan, and generated
    code takes five times as long.
    """

    __slots__ = ("_after", "_before", "_section", "_target", "_terms")

    def __init__(self, plan: Plan) -> None:
        self._before = b"\x0a" + varint(len(plan.method)) + plan.method if plan.method else b""
        self._target = _target_field(plan.target)
        self._section = plan.head[start_size(plan.head) :]
        terms: list[bytes] = []
        if plan.framing or plan.content_size or plan.trailer_section:
            terms.append(_content_fields(plan))
        terms += [
            bytes_field(8, _change_message(each).SerializeToString()) for each in plan.changes
        ]
        if plan.idempotent:
            terms.append(b"\x48\x01")
        if plan.expect_continue:
            terms.append(b"\x50\x01")
        self._terms = b"".join(terms)
        self._after = _last_fields(plan)

    def fill(self, url: bytes, start: bytes, place: bytes, recorded_digest: bytes) -> bytes:
        """Encodes the plan with these; `start` is the first line of its head, with its end,
        `place` what `encode_place` makes.
        """
        section = self._section
        size = len(start) + len(section)
        return b"".join(
            (
                self._before,
                b"\x12" + varint(len(url)) + url if url else b"",
                self._target,
                b"\x22" + varint(size) if size else b"",
                start,
                section,
                self._terms,
                place,
                self._after,
                bytes_field(45, recorded_digest) if recorded_digest else b"",
            )
        )


def encode_place(flow_index: int, flow_id: str, recorded_status_code: int) -> bytes:
    """Encodes which flow a plan is of."""
    place = b"\x58" + varint(flow_index) if flow_index else b""
    if flow_id:
        told = flow_id.encode()
        place += b"\x62" + varint(len(told)) + told
    return place + b"\x68" + signed(recorded_status_code) if recorded_status_code else place


def encode_plan(plan: Plan) -> bytes:
    """Encodes a plan."""
    return PlanMould(plan).fill(
        plan.url,
        plan.head[: start_size(plan.head)],
        encode_place(plan.flow_index, plan.flow_id, plan.recorded_status_code),
        plan.recorded_digest,
    )


def start_size(head: bytes) -> int:
    """Returns how many bytes of a head are its first line, with its end."""
    return head.find(b"\n") + 1


def _last_fields(plan: Plan) -> bytes:
    """Encodes what few plans have."""
    parts: list[bytes] = []
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
            tuple(map(_change, message.changes)),
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

"""A flow's plan: the bytes of its request, assembled once, when the flow is accepted.

HTTP/1 requests are written as captured, byte for byte: order, case and duplicates of
fields, folded lines, odd bytes, a missing Host, the form of the target. What has to
differ is made by `to_http1` and `framing` and named in the plan's changes. Where the
connection may speak HTTP/2, `to_http2` makes that form too, with changes of its own.
"""

import re
from collections.abc import Sequence

from replayd.model.flow import Flow, Request
from replayd.model.plan import (
    Change,
    ConnectTo,
    Http2Request,
    HttpVersion,
    HttpVersions,
    Plan,
    Target,
    WebSocketPace,
)
from replayd.planning.destination import destination_of
from replayd.planning.draft import Draft
from replayd.planning.framing import frame, frame_raw
from replayd.planning.hosts import host_port
from replayd.planning.http_versions import HTTP1, is_http2, versions_for
from replayd.planning.section import section_of, written
from replayd.planning.to_http1 import make_http1
from replayd.planning.to_http2 import make_http2
from replayd.planning.websocket import with_websocket

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
"""A method as RFC 9110 section 9.1 has it."""

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
"""RFC 9110 section 9.2.2. Method names are case-sensitive."""


def make_plan(
    flow: Flow,
    *,
    flow_index: int,
    connect_to: Sequence[ConnectTo],
    raw: bool,
    http_version: HttpVersion = HttpVersion.AUTO,
    websocket_pace: WebSocketPace = WebSocketPace.AFTER_MESSAGES,
    trust_idempotency_key: bool = False,
    rewritten: tuple[Change, ...] = (),
) -> Plan:
    """Plans a flow that `refuse` accepted.

    `rewritten`: how it differs from what was captured (`rewriting`).
    `raw`: the fields are left as captured, also where they contradict the content.
    `trust_idempotency_key`: a request with that field is idempotent, whatever its method.
    """
    request = flow.request
    assert request is not None
    assert request.content is not None
    size = len(request.content)
    there = destination_of(flow, request, tuple(connect_to))
    http2 = is_http2(request.http_version)
    draft = Draft(request)
    if http2:
        make_http1(draft, request, there.authority)
    framing = frame_raw(draft, size, http2=http2) if raw else frame(draft, size)
    method, aimed_at = request.method, _request_target(request, there.target, http2=http2)
    versions = versions_for(flow, request, http_version)
    names = draft.names
    head = b"%b %b %b\r\n%b\r\n" % (method, aimed_at, draft.version, draft.written(request))
    # By position: a plan is made for each flow that is taken in.
    plan = Plan(
        method,
        _url(request, draft.captured.host or there.authority),
        _aimed(there.dialled, versions, plain=not raw and _TOKEN.fullmatch(method) is not None),
        head,
        framing,
        size,
        written(draft.trailers) if draft.trailers else b"",
        (*rewritten, *draft.changes, *there.redirected),
        method in IDEMPOTENT or (trust_idempotency_key and bool(draft.values(b"idempotency-key"))),
        size > 0 and b"expect" in names and _expects_continue(draft),
        flow_index,
        flow.flow_id,
        flow.response.status_code if flow.response else 0,
        b"proxy-authorization" in names and bool(draft.values(b"proxy-authorization")),
        None if versions is HTTP1 else _http2(request, rewritten, there.redirected, raw=raw),
    )
    return plan if flow.websocket is None else with_websocket(plan, flow, websocket_pace)


def url_of(flow: Flow) -> bytes:
    """Returns the URL of a flow that `refuse` accepted, as its plan has it."""
    request = flow.request
    assert request is not None
    authority = destination_of(flow, request, ()).authority
    return _url(request, section_of(request.headers).host or authority)


def _aimed(target: Target, versions: HttpVersions, *, plain: bool) -> Target:
    """Returns the target with what may be spoken there, and whether a proxy has to be asked for
    a tunnel: none forwards HTTP/2 in the clear, and in bytes that are not `plain` one could find
    another request, to a target that nobody has judged.
    """
    if versions is HTTP1 and plain:
        return target
    return target._replace(http_versions=versions, tunnelled=target.scheme == "http")


def _http2(
    request: Request,
    rewritten: tuple[Change, ...],
    redirected: tuple[Change, ...],
    *,
    raw: bool,
) -> Http2Request:
    made = make_http2(request, raw=raw)
    return made._replace(changes=(*rewritten, *made.changes, *redirected))


def _request_target(request: Request, target: Target, *, http2: bool) -> bytes:
    """Returns the request target in the form that was captured (RFC 9112 section 3.2)."""
    if request.method == b"CONNECT":
        return request.authority or host_port(target.host, target.port).encode()
    if request.authority and not http2:
        return b"%b://%b%b" % (request.scheme, request.authority, request.path)
    return request.path


def _url(request: Request, host: bytes) -> bytes:
    host = request.authority or host
    if request.method == b"CONNECT":
        return host
    path = b"" if request.path == b"*" else request.path
    return b"%b://%b%b" % (request.scheme, host, path)


def _expects_continue(draft: Draft) -> bool:
    """RFC 9110 section 10.1.1: an HTTP/1.0 request can't."""
    return draft.version != b"HTTP/1.0" and any(
        b"100-continue" in value.lower() for value in draft.values(b"expect")
    )

"""A flow's plan: the bytes of its request, assembled once, when the flow is accepted.

HTTP/1 requests are written as captured, byte for byte: order, case and duplicates of
fields, folded lines, odd bytes, a missing Host, the form of the target. What has to
differ is made by `to_http1` and `framing` and named in the plan's changes. Where the
connection may speak HTTP/2, `to_http2` makes that form too, with changes of its own.
"""

from collections.abc import Sequence

from replayd.model.flow import Flow, Headers, Request
from replayd.model.plan import (
    Change,
    ChangeKind,
    ConnectTo,
    Http2Request,
    HttpVersion,
    HttpVersions,
    Plan,
    Target,
    WebSocketPace,
)
from replayd.planning import connect_to as dialling
from replayd.planning.draft import Draft
from replayd.planning.framing import frame, frame_raw
from replayd.planning.hosts import host_port, normal_host
from replayd.planning.http_versions import is_http2, versions_for
from replayd.planning.to_http1 import make_http1
from replayd.planning.to_http2 import make_http2
from replayd.planning.websocket import with_websocket

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})
"""RFC 9110 section 9.2.2. Method names are case-sensitive."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def make_plan(
    flow: Flow,
    *,
    flow_index: int,
    connect_to: Sequence[ConnectTo],
    raw: bool,
    http_version: HttpVersion = HttpVersion.AUTO,
    websocket_pace: WebSocketPace = WebSocketPace.AFTER_MESSAGES,
) -> Plan:
    """Plans a flow that `refuse` accepted.

    `raw`: the fields are left as captured, also where they contradict the content.
    """
    request = flow.request
    assert request is not None
    assert request.content is not None
    size = len(request.content)
    target = target_of(flow, request)
    http2 = is_http2(request.http_version)
    draft = Draft.of(request)
    if http2:
        make_http1(draft, request, _authority(target))
    framing = frame_raw(draft, size, http2=http2) if raw else frame(draft, size)
    dialled = dialling.apply(target, connect_to)
    redirected = _redirected(target, dialled)
    start_line = b"%b %b %b\r\n" % (request.method, _request_target(request, target), draft.version)
    versions = versions_for(flow, request, http_version)
    plan = Plan(
        method=request.method,
        url=_url(request, target),
        target=_speaking(dialled, versions),
        head=start_line + _section(draft.fields) + b"\r\n",
        framing=framing,
        content_size=size,
        trailer_section=_section(draft.trailers),
        changes=(*draft.changes, *redirected),
        idempotent=request.method in IDEMPOTENT,
        expect_continue=bool(size) and _expects_continue(draft),
        flow_index=flow_index,
        flow_id=flow.flow_id,
        recorded_status_code=flow.response.status_code if flow.response else 0,
        proxy_authorization=bool(draft.values(b"proxy-authorization")),
        http2=_http2(request, versions, redirected, raw=raw),
    )
    return plan if flow.websocket is None else with_websocket(plan, flow, websocket_pace)


def target_of(flow: Flow, request: Request) -> Target:
    """Returns where a flow's request goes.

    TLS asks for the recorded server name, else for the host.
    """
    host = normal_host(request.host)
    if request.scheme != b"https":
        return Target("http", host, request.port)
    # RFC 6066 section 3: without the root's dot.
    name = normal_host(flow.server_name or host).removesuffix(".")
    return Target("https", host, request.port, server_name=name)


def _redirected(target: Target, dialled: Target) -> tuple[Change, ...]:
    """Names that another address is dialled, if it is."""
    if dialled is target:
        return ()
    instead = f"{host_port(*dialled.address)} is dialled in place of "
    return (Change(ChangeKind.CONNECT_TO, instead + host_port(target.host, target.port)),)


def _speaking(target: Target, versions: HttpVersions) -> Target:
    """Returns the target with what may be spoken there; no proxy forwards HTTP/2 in the clear."""
    if versions is HttpVersions.ONE:
        return target
    return target._replace(http_versions=versions, tunnelled=target.scheme == "http")


def _http2(
    request: Request, versions: HttpVersions, redirected: tuple[Change, ...], *, raw: bool
) -> Http2Request | None:
    if versions is HttpVersions.ONE:
        return None
    made = make_http2(request, raw=raw)
    return made._replace(changes=(*made.changes, *redirected))


def _section(fields: Headers | list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in fields])


def _request_target(request: Request, target: Target) -> bytes:
    """Returns the request target in the form that was captured (RFC 9112 section 3.2)."""
    if request.method == b"CONNECT":
        return request.authority or host_port(target.host, target.port).encode()
    if request.authority and not is_http2(request.http_version):
        return b"%b://%b%b" % (request.scheme, request.authority, request.path)
    return request.path


def _url(request: Request, target: Target) -> bytes:
    hosts = (value for name, value in request.headers if name.lower() == b"host")
    host = request.authority or next(hosts, b"") or _authority(target)
    if request.method == b"CONNECT":
        return host
    path = b"" if request.path == b"*" else request.path
    return b"%b://%b%b" % (request.scheme, host, path)


def _authority(target: Target) -> bytes:
    """Returns host and port as a URL has them: without the scheme's own port."""
    full = host_port(target.host, target.port)
    if target.port == _DEFAULT_PORTS[target.scheme]:
        full = full.removesuffix(f":{target.port}")
    return full.encode()


def _expects_continue(draft: Draft) -> bool:
    """RFC 9110 section 10.1.1: an HTTP/1.0 request can't."""
    return draft.version != b"HTTP/1.0" and any(
        b"100-continue" in value.lower() for value in draft.values(b"expect")
    )

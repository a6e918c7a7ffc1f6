"""Whether a flow can be replayed, and why not.

First as mitmproxy's client replay does (live, intercepted, not HTTP, no request, no
content), then what is replayd's own: WebSockets of which a capture has too little, targets
that are none or that the rules deny, bytes that would make two requests of one, contents
over the limit.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from replayd.model.flow import Flow, FlowKind, Request
from replayd.model.plan import ConnectTo, HttpVersion, HttpVersions
from replayd.planning import connect_to as dialling
from replayd.planning import websocket
from replayd.planning.hosts import normal_host
from replayd.planning.http_versions import versions_for
from replayd.planning.plan import target_of
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason

MAX_HEAD = 1 << 20
"""Bytes of target and fields: far beyond what servers take, well within one message."""

_LINE_ENDS = re.compile(rb"[\r\n\0]")
"""In HTTP/2 also in a value: a proxy that writes it as HTTP/1 would make more than one field
of it (RFC 9113 section 8.2.1)."""
_VALUE_ENDS = re.compile(rb"\n(?![ \t])")
"""The end of a field's line: a line feed, with CR or alone (RFC 9112 section 2.2 lets
servers take one for the other), that no folded continuation follows."""

_ANYWHERE = TargetRules()

_WEBSOCKETS_REFUSED = "the call asked to refuse WebSocket flows"


class Refusal(NamedTuple):
    """Why a flow can't be replayed."""

    reason: Reason
    message: str


def refuse(
    flow: Flow,
    *,
    raw: bool,
    body_size_limit: int,
    connect_to: Sequence[ConnectTo] = (),
    targets: TargetRules = _ANYWHERE,
    refuse_websocket: bool = False,
    http_version: HttpVersion = HttpVersion.AUTO,
) -> Refusal | None:
    """Returns why the flow can't be replayed, None when it can.

    `raw` lets unsafe bytes pass; `body_size_limit` is in bytes; `http_version` and
    `refuse_websocket` are the batch's. A target that is a name is checked once more when it
    is resolved.
    """
    unfit = _unfit(flow, refuse_websocket=refuse_websocket)
    if unfit is not None:
        return unfit
    request = flow.request
    assert request is not None
    invalid = _invalid_target(flow, request)
    if invalid is not None:
        return Refusal(Reason.INVALID_TARGET, invalid)
    http2 = versions_for(flow, request, http_version) is not HttpVersions.ONE
    unsafe = None if raw else _unsafe(request, http2=http2)
    if unsafe is not None:
        return Refusal(
            Reason.UNSAFE_BYTES,
            f"{unsafe}, which would make two requests of one; raw sends it all the same",
        )
    too_large = _too_large(request, body_size_limit)
    if flow.websocket is not None:
        too_large = too_large or websocket.too_large(flow.websocket, body_size_limit)
    if too_large is not None:
        return Refusal(Reason.CONTENT_TOO_LARGE, too_large)
    denied = targets.check_host(*dialling.apply(target_of(flow, request), connect_to).address)
    return None if denied is None else Refusal(Reason.TARGET_DENIED, denied)


def _unfit(flow: Flow, *, refuse_websocket: bool) -> Refusal | None:
    """What mitmproxy's client replay refuses too, but for the WebSockets that are replayed."""
    if flow.live:
        return Refusal(Reason.LIVE_FLOW, "the flow was live when it was captured")
    if flow.intercepted:
        return Refusal(Reason.INTERCEPTED_FLOW, "the flow was intercepted when it was captured")
    if flow.kind is FlowKind.WEBSOCKET:
        unfit = _WEBSOCKETS_REFUSED if refuse_websocket else websocket.lacking(flow)
        if unfit is not None:
            return Refusal(Reason.WEBSOCKET_FLOW, unfit)
    elif flow.kind is not FlowKind.HTTP:
        return Refusal(Reason.NOT_HTTP, _not_http(flow))
    if flow.request is None:
        return Refusal(Reason.MISSING_REQUEST, "the flow has no request")
    if flow.request.content is None:
        return Refusal(
            Reason.MISSING_CONTENT, "the capture left out the request's content (streamed or cut)"
        )
    return None


def _not_http(flow: Flow) -> str:
    if flow.request is not None and flow.request.method == b"CONNECT":
        return "its CONNECT opened a tunnel through a proxy, which no replay needs"
    return f"a {flow.kind.name} flow is not HTTP"


def _invalid_target(flow: Flow, request: Request) -> str | None:
    # A CONNECT has no scheme: it goes to its host and port in the clear.
    without_scheme = request.method == b"CONNECT" and not request.scheme
    if request.scheme not in (b"http", b"https") and not without_scheme:
        return f"the scheme {_shown(request.scheme)} is neither http nor https"
    if not 0 < request.port < 1 << 16:
        return f"the port {request.port} is not between 1 and 65535"
    hosts = [("host", request.host)]
    if request.scheme == b"https" and flow.server_name:
        hosts.append(("server name", flow.server_name))
    for what, host in hosts:
        try:
            normal_host(host)
        except ValueError as error:
            return f"the {what} {host[:80]!r} {error}"
    return None


def _unsafe(request: Request, *, http2: bool) -> str | None:
    start = (
        ("method", request.method),
        ("target", request.authority + request.path),
        ("version", request.http_version),
    )
    for what, octets in start:
        if _LINE_ENDS.search(octets):
            return f"the {what} holds CR, LF or NUL"
    fields = (*request.headers, *request.trailers)
    # One search over all names and one over all values: most requests are safe.
    if _LINE_ENDS.search(b"".join([name for name, _ in fields])):
        return "a field's name holds CR, LF or NUL"
    values = b"".join([value for _, value in fields])
    ends = _LINE_ENDS if http2 else _VALUE_ENDS
    if _LINE_ENDS.search(values) if http2 else b"\n" in values:
        for name, value in fields:
            if ends.search(value):
                what = "CR, LF or NUL, and it may leave as HTTP/2" if http2 else "the end of a line"
                return f"the value of the field {_shown(name)} holds {what}"
    return None


def _too_large(request: Request, body_size_limit: int) -> str | None:
    size = len(request.content or b"")
    if size > body_size_limit:
        return f"the content has {size} bytes; the daemon's --body-size-limit is {body_size_limit}"
    fields = (*request.headers, *request.trailers)
    start = (request.method, request.authority, request.path, request.http_version)
    head = sum(map(len, start)) + sum([len(name) + len(value) for name, value in fields])
    if head > MAX_HEAD:
        return f"the start line and the fields have {head} bytes, more than {MAX_HEAD}"
    return None


def _shown(octets: bytes) -> str:
    return repr(octets[:80].decode("latin-1"))

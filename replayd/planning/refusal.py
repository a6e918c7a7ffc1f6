"""Whether a flow can be replayed, and why not.

First as mitmproxy's client replay does (live, intercepted, not HTTP, no request, no
content), then what is replayd's own: WebSockets of which a capture has too little, targets
that are none or that the rules deny, bytes that would make two requests of one, contents
over the limit.
"""

from collections.abc import Sequence
from typing import NamedTuple

from replayd.model.flow import Flow, FlowKind, Request
from replayd.model.plan import ConnectTo, HttpVersion
from replayd.planning import websocket
from replayd.planning.destination import destination_of
from replayd.planning.http_versions import HTTP1, versions_for
from replayd.planning.section import LINE_ENDS, Section, section_of
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason

MAX_HEAD = 1 << 20
"""Bytes of target and fields: far beyond what servers take, well within one message."""

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
    lacking = unfit(flow, refuse_websocket=refuse_websocket)
    if lacking is not None:
        return lacking
    request = flow.request
    assert request is not None
    try:
        there = destination_of(flow, request, tuple(connect_to))
    except ValueError as error:
        return Refusal(Reason.INVALID_TARGET, str(error))
    headers, trailers = request.headers, request.trailers
    fields = section_of((*headers, *trailers) if trailers else headers)
    if not raw:
        http2 = versions_for(flow, request, http_version) is not HTTP1
        unsafe = _unsafe_start(request) or (fields.unsafe_http2 if http2 else fields.unsafe)
        if unsafe:
            return Refusal(
                Reason.UNSAFE_BYTES,
                f"{unsafe}, which would make two requests of one; raw sends it all the same",
            )
    too_large = _too_large(request, fields, body_size_limit)
    if flow.websocket is not None:
        too_large = too_large or websocket.too_large(flow.websocket, body_size_limit)
    if too_large is not None:
        return Refusal(Reason.CONTENT_TOO_LARGE, too_large)
    denied = targets.check_host(*there.dialled.address)
    return None if denied is None else Refusal(Reason.TARGET_DENIED, denied)


def unfit(flow: Flow, *, refuse_websocket: bool) -> Refusal | None:
    """Returns what a flow lacks to be replayed, whatever its request says: what mitmproxy's
    client replay refuses too, but for the WebSockets that are replayed.
    """
    if flow.live:
        return Refusal(Reason.LIVE_FLOW, "the flow was live when it was captured")
    if flow.intercepted:
        return Refusal(Reason.INTERCEPTED_FLOW, "the flow was intercepted when it was captured")
    if flow.kind is FlowKind.WEBSOCKET:
        lacking = _WEBSOCKETS_REFUSED if refuse_websocket else websocket.lacking(flow)
        if lacking is not None:
            return Refusal(Reason.WEBSOCKET_FLOW, lacking)
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


def _unsafe_start(request: Request) -> str:
    start = (request.method, request.authority + request.path, request.http_version)
    if LINE_ENDS.search(b"".join(start)) is None:
        return ""
    named = zip(("method", "target", "version"), start, strict=True)
    what = next(what for what, octets in named if LINE_ENDS.search(octets))
    return f"the {what} holds CR, LF or NUL"


def _too_large(request: Request, fields: Section, body_size_limit: int) -> str | None:
    size = len(request.content or b"")
    if size > body_size_limit:
        return f"the content has {size} bytes; the daemon's --body-size-limit is {body_size_limit}"
    start = len(request.method) + len(request.authority) + len(request.path)
    head = start + len(request.http_version) + fields.size
    if head > MAX_HEAD:
        return f"the start line and the fields have {head} bytes, more than {MAX_HEAD}"
    return None

"""A replay as the flow that hooks are shown: the request as its plan has it. Pure.

What hooks see, change and pass on is what would be sent, whoever changed it before. So the
request is read back from the plan, in the form that is planned from: HTTP/2's where there
is one. Planned again, it gives the same bytes.
"""

import re

from replayd.model.flow import Flow, FlowKind, Headers, Request
from replayd.model.plan import Plan

_LINE = re.compile(rb"\r\n(?![ \t])")
"""The end of a line that no folded one follows."""


def flow_of(plan: Plan, content: bytes | None, session: str) -> Flow:
    """Returns the flow; `content`: its request's, None where it is not in memory."""
    websocket = plan.websocket is not None
    asked = plan.target.server_name
    return Flow(
        flow_id=plan.flow_id,
        # Those of a flow's own begin so, and say nothing.
        session_id="" if session.startswith("\0") else session,
        kind=FlowKind.WEBSOCKET if websocket else FlowKind.HTTP,
        request=_request(plan, b"" if websocket else content),
        server_name="" if asked == plan.target.host else asked,
    )


def _request(plan: Plan, content: bytes | None) -> Request:
    target = plan.target
    if plan.http2 is not None:
        pseudo = dict(field for field in plan.http2.headers if field[0].startswith(b":"))
        return Request(
            plan.method,
            target.scheme.encode(),
            target.host,
            target.port,
            pseudo.get(b":path", b""),
            b"HTTP/2.0",
            tuple(field for field in plan.http2.headers if not field[0].startswith(b":")),
            content,
            pseudo.get(b":authority", b""),
            plan.http2.trailers,
        )
    line, _, section = plan.head.partition(b"\r\n")
    aimed, _, version = line[len(plan.method) + 1 :].rpartition(b" ")
    authority, path = _split(aimed, plan)
    return Request(
        plan.method,
        target.scheme.encode(),
        target.host,
        target.port,
        path,
        version,
        _fields(section.removesuffix(b"\r\n")),
        content,
        authority,
        _fields(plan.trailer_section),
    )


def _split(aimed: bytes, plan: Plan) -> tuple[bytes, bytes]:
    """Returns authority and path of a request target."""
    if plan.method == b"CONNECT":
        return aimed, b""
    scheme = b"%b://" % plan.target.scheme.encode()
    if not aimed.startswith(scheme):
        return b"", aimed
    rest = aimed[len(scheme) :]
    found = re.search(rb"[/?]", rest)
    end = found.start() if found else len(rest)
    return rest[:end], rest[end:]


def _fields(section: bytes) -> Headers:
    lines = _LINE.split(section)
    return tuple((name, value) for name, _, value in (line.partition(b": ") for line in lines[:-1]))

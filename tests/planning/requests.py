"""Flows for the tests of planning, and the bytes that a plan stands for."""

from typing import Any

from replayd.model.flow import Flow, Headers, Request
from replayd.model.plan import ChangeKind, ConnectTo, Framing, HttpVersion, Plan
from replayd.planning.plan import make_plan

HOST: Headers = ((b"Host", b"example.test"),)


def flow(
    *,
    server_name: str = "",
    scheme: bytes = b"http",
    host: str = "example.test",
    port: int = 80,
    **request: Any,
) -> Flow:
    """A flow with a GET of example.test, unless said otherwise."""
    fields = {"method": b"GET", "path": b"/", "headers": HOST, **request}
    return Flow(
        request=Request(scheme=scheme, host=host, port=port, **fields), server_name=server_name
    )


def planned(
    *,
    raw: bool = False,
    connect_to: tuple[ConnectTo, ...] = (),
    version: HttpVersion = HttpVersion.AUTO,
    trust_idempotency_key: bool = False,
    **request: Any,
) -> Plan:
    """The plan of such a flow."""
    return make_plan(
        flow(**request),
        flow_index=0,
        connect_to=connect_to,
        raw=raw,
        http_version=version,
        trust_idempotency_key=trust_idempotency_key,
    )


def written(plan: Plan, content: bytes) -> bytes:
    """The bytes that a plan and its content make on the wire."""
    if plan.framing is not Framing.CHUNKED:
        return plan.head + content
    chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
    return plan.head + chunk + b"0\r\n" + plan.trailer_section + b"\r\n"


def kinds(plan: Plan) -> list[ChangeKind]:
    """The kinds of a plan's changes, in order."""
    return [change.kind for change in plan.changes]


def described(plan: Plan) -> list[str]:
    """The changes in words."""
    return [change.description for change in plan.changes]

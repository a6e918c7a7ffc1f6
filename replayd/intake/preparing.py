"""A flow -> what its row takes of its plan: redacted, encoded, or why it can't be replayed.

A capture has many requests with the same fields, from few clients to few servers. What is
planned, redacted and encoded of one does for all that differ from it in nothing but the path,
the answer and where they stand in the capture: a mould, which only these have to be put into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowreplay.v1 import replay_pb2

from replayd.codec.plan import PlanMould, encode_place, encode_plan, start_size
from replayd.model.flow import Flow, FlowKind, Request
from replayd.model.plan import Change, ConnectTo, HttpVersion, Plan, WebSocketPace
from replayd.planning.plan import make_plan
from replayd.planning.refusal import Refusal, refuse
from replayd.planning.section import LINE_ENDS, section_of
from replayd.planning.target_rules import TargetRules
from replayd.redaction.redactor import Redactor
from replayd.redaction.urls import is_plain

if TYPE_CHECKING:
    from replayd.live.recorded import Recorded

_REMEMBERED, _REMEMBERED_BYTES = 1024, 8192
"""How many moulds are kept, and the bytes of one, or of a path for it."""

_HTTP = FlowKind.HTTP
"""By a name of its own: Python 3.11 takes ten times as long to find a member of an enum."""


class PlanTerms(NamedTuple):
    """What a call, and the daemon, say of all its flows."""

    targets: TargetRules
    body_size_limit: int
    """Bytes of one content."""
    connect_to: tuple[ConnectTo, ...] = ()
    raw: bool = False
    http_version: HttpVersion = HttpVersion.AUTO
    websocket_pace: WebSocketPace = WebSocketPace.AFTER_MESSAGES
    refuse_websocket: bool = False
    trust_idempotency_key: bool = False


def plan_terms_of(
    options: replay_pb2.EnqueueOptions, targets: TargetRules, body_size_limit: int
) -> PlanTerms:
    """Returns the terms of a call with these options, which were checked."""
    return PlanTerms(
        targets,
        body_size_limit,
        tuple(
            ConnectTo(rule.scheme, rule.host, rule.port, rule.dial_host, rule.dial_port)
            for rule in options.connect_to
        ),
        options.raw,
        HttpVersion(options.http_version or HttpVersion.AUTO),
        WebSocketPace(options.websocket_pace or WebSocketPace.AFTER_MESSAGES),
        options.refuse_websocket,
        options.trust_idempotency_key,
    )


class Prepared(NamedTuple):
    """What a row takes of a plan."""

    plan: bytes
    shown_plan: bytes
    """Empty: the plan holds no secret."""
    idempotent: bool
    content_size: int
    """Bytes of content that are sent."""


class _Mould(NamedTuple):
    """The plan of a flow without its path."""

    plan: PlanMould
    shown: PlanMould
    holds_secrets: bool
    """Outside of URL and first line."""
    url_start: bytes
    line_start: bytes
    line_end: bytes
    """What stands around the path in the first line of the head."""
    is_plain: bool
    """Whether URL and first line hold no secret, if the path does not."""
    idempotent: bool
    content_size: int


class Preparer:
    """Prepares the flows of one call."""

    def __init__(
        self, terms: PlanTerms, redactor: Redactor, recorded: Recorded | None = None
    ) -> None:
        """`recorded`: finds what later requests may depend on, where the call asks for it."""
        self._terms = terms
        self._redactor = redactor
        self._recorded = recorded
        self._moulds: dict[tuple[object, ...], _Mould] = {}

    def prepare(
        self, flow: Flow, index: int, digest: bytes = b"", rewritten: tuple[Change, ...] = ()
    ) -> Prepared | Refusal:
        """Prepares a flow. `digest`: of its recorded response; `rewritten`: how it differs from
        what was captured.
        """
        alike = None if rewritten or self._recorded is not None else _alike(flow)
        mould = None if alike is None else self._moulds.get(alike)
        if mould is None:
            plan = self._plan(flow, index, digest, rewritten)
            if isinstance(plan, Refusal):
                return plan
            if alike is None or not _can_be_mould(plan, flow):
                return self._encoded(plan)
            if len(self._moulds) >= _REMEMBERED:
                self._moulds.clear()
            mould = self._moulds[alike] = self._mould(plan, flow)
        return self._filled(mould, flow, index, digest)

    def _plan(
        self, flow: Flow, index: int, digest: bytes, rewritten: tuple[Change, ...]
    ) -> Plan | Refusal:
        terms = self._terms
        refusal = refuse(
            flow,
            raw=terms.raw,
            body_size_limit=terms.body_size_limit,
            connect_to=terms.connect_to,
            targets=terms.targets,
            http_version=terms.http_version,
            refuse_websocket=terms.refuse_websocket,
        )
        if refusal is not None:
            return refusal
        plan = make_plan(
            flow,
            flow_index=index,
            connect_to=terms.connect_to,
            raw=terms.raw,
            http_version=terms.http_version,
            websocket_pace=terms.websocket_pace,
            trust_idempotency_key=terms.trust_idempotency_key,
            rewritten=rewritten,
        )
        live = None if self._recorded is None else self._recorded.plan(flow)
        return plan._replace(recorded_digest=digest, live=live)

    def _encoded(self, plan: Plan) -> Prepared:
        # The URL is shown with everything, and sent nowhere.
        plan = plan._replace(url=self._redactor.url(plan.url))
        shown = self._redactor.plan(plan)
        encoded = b"" if shown is plan else encode_plan(shown)
        return Prepared(encode_plan(plan), encoded, plan.idempotent, plan.content_size)

    def _mould(self, plan: Plan, flow: Flow) -> _Mould:
        assert flow.request is not None
        path = flow.request.path
        line = plan.head[: start_size(plan.head)]
        before, space, version = line.rpartition(b" ")
        # Of the head's lines only the first one is shown without its path.
        shown = self._redactor.plan(plan)
        shown_line = shown.head[: start_size(shown.head)]
        same = shown._replace(url=plan.url, head=line + shown.head[len(shown_line) :])
        url_start, line_start, line_end = (
            plan.url.removesuffix(path),
            before.removesuffix(path),
            space + version,
        )
        return _Mould(
            PlanMould(plan),
            PlanMould(shown),
            same != plan,
            url_start,
            line_start,
            line_end,
            is_plain(url_start + line_start + line_end),
            plan.idempotent,
            plan.content_size,
        )

    def _filled(self, mould: _Mould, flow: Flow, index: int, digest: bytes) -> Prepared:
        request, response, redactor = flow.request, flow.response, self._redactor
        assert request is not None
        path, status = request.path, response.status_code if response else 0
        line = shown_line = mould.line_start + path + mould.line_end
        url = shown_url = mould.url_start + path
        if not (mould.is_plain and is_plain(path)):
            url = redactor.url(url)
            shown_url, shown_line = redactor.url(url), redactor.start(line)
        place = encode_place(index, flow.flow_id, status)
        encoded = b""
        if mould.holds_secrets or shown_line != line or shown_url != url:
            encoded = mould.shown.fill(shown_url, shown_line, place, digest)
        plan = mould.plan.fill(url, line, place, digest)
        return Prepared(plan, encoded, mould.idempotent, mould.content_size)


def _alike(flow: Flow) -> tuple[object, ...] | None:
    """Returns what flows have in common that may be put into one mould; None: there is no
    other flow like this one, or it has to be looked at for itself.
    """
    request = flow.request
    if request is None or flow.kind is not _HTTP or flow.live or flow.intercepted:
        return None
    method, scheme, host, port, _, version, headers, content, authority, trailers, *_ = request
    if content is None or trailers or not _fits(request):
        return None
    return (
        method,
        scheme,
        host,
        port,
        version,
        headers,
        len(content),
        authority,
        flow.server_name,
    )


def _can_be_mould(plan: Plan, flow: Flow) -> bool:
    """Tells whether a plan is small, and its path stands where another one can be put."""
    request = flow.request
    assert request is not None
    captured = section_of(request.headers).size
    size = captured + len(plan.url) + len(plan.head) + len(flow.server_name)
    if plan.http2 is not None or size > _REMEMBERED_BYTES:
        return False
    # Raw bytes may end the line before its path.
    before, _, _ = plan.head[: start_size(plan.head)].rpartition(b" ")
    return before.endswith(request.path) and plan.url.endswith(request.path)


def _fits(request: Request) -> bool:
    """Tells whether a path stands in its place in URL and head as it is, and would be refused
    nowhere.
    """
    path = request.path
    return (
        path[:1] == b"/"
        and len(path) <= _REMEMBERED_BYTES
        and LINE_ENDS.search(path) is None
        and request.method != b"CONNECT"
        and b" " not in request.http_version
    )

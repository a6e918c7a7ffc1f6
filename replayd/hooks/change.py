"""A request that a hook changed, planned anew: as when its flow was taken in, by its batch's
options and the daemon's rules. Pure.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from flowreplay.v1 import replay_pb2

from replayd.codec.plan import encode_plan
from replayd.hooks.words import ChangedRequest, Content, Question, Send
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.flow import Flow, Headers
from replayd.model.plan import Change, ChangeKind, ConnectTo, HttpVersion, Plan, Target
from replayd.model.replay import OnInterrupt
from replayd.planning.plan import make_plan
from replayd.planning.refusal import Refusal, refuse
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import Redactor

_NAMED = 20
"""Fields that one change names."""

_AUTO = OnInterrupt.AUTO


class Replanner:
    """Plans changed requests."""

    def __init__(
        self,
        options: Callable[[str], bytes],
        targets: TargetRules,
        body_size_limit: int,
        redactor: Redactor,
    ) -> None:
        """`options`: a batch's encoded EnqueueOptions (`Journal.options`)."""
        self._options = options
        self._targets = targets
        self.body_size_limit = body_size_limit
        self._redactor = redactor

    def plan(
        self, hook: str, question: Question, before: Send, changed: ChangedRequest
    ) -> Send | Refusal:
        """Returns what is sent after a hook's change of `before`, or why it can't be.

        Raises ReplaydError: the batch is gone.
        """
        options = _parsed(self._options(before.replay.key.batch_id))
        content = changed.content or question.request_content
        flow = self._flow(question.flow, before.plan, changed, content)
        connect_to = (*_as_before(before.plan.target), *_connect_to(options))
        version = HttpVersion(options.http_version or HttpVersion.AUTO)
        refusal = refuse(
            flow,
            raw=options.raw,
            body_size_limit=self.body_size_limit,
            connect_to=connect_to,
            targets=self._targets,
            http_version=version,
        )
        if refusal is not None:
            return refusal
        made = make_plan(
            flow,
            flow_index=before.plan.flow_index,
            connect_to=connect_to,
            raw=options.raw,
            http_version=version,
            trust_idempotency_key=options.trust_idempotency_key,
        )
        if before.plan.idempotent and not made.idempotent and _sends_again(options):
            return _unsafe(before.plan, made)
        return self._send(hook, question, before, made, flow=flow, content=content)

    def _flow(self, flow: Flow, plan: Plan, changed: ChangedRequest, content: Content) -> Flow:
        # Planning asks only how long a content is; these zeros take no memory.
        data = content.data if content.data is not None else bytes(content.size)
        request = changed.request._replace(content=data)
        same_host = flow.request is not None and request.host == flow.request.host
        asked = changed.server_name or (plan.target.server_name if same_host else "")
        return flow._replace(request=request, response=None, server_name=asked)

    def _send(
        self,
        hook: str,
        question: Question,
        before: Send,
        made: Plan,
        *,
        flow: Flow,
        content: Content,
    ) -> Send:
        plan, redactor = before.plan, self._redactor
        said = _differences(question, flow, content)
        change = Change(ChangeKind.HOOK, f"hook {hook}: {said}")
        made = made._replace(
            url=redactor.url(made.url),
            changes=_joined(plan.changes, change, made.changes),
            recorded_status_code=plan.recorded_status_code,
            resends_replay_id=plan.resends_replay_id,
            live=plan.live,
            recorded_digest=plan.recorded_digest,
            http2=made.http2
            and made.http2._replace(
                changes=_joined(
                    plan.http2.changes if plan.http2 else (), change, made.http2.changes
                )
            ),
        )
        shown_plan = redactor.plan(made)
        replay = before.replay._replace(
            plan=encode_plan(made),
            idempotent=before.replay.idempotent and made.idempotent,
            request_content=content.data,
            shown_plan=b"" if shown_plan is made else encode_plan(shown_plan),
            shown_content=self._shown(flow, content),
        )
        own = content if content.body is not None else before.content
        return Send(replay, made, own if content.data is None else None, before.notes)

    def _shown(self, flow: Flow, content: Content) -> bytes | None:
        assert flow.request is not None
        if content.data is not None:
            preview = content.data[:PREVIEW_LIMIT]
        else:
            preview = next(iter(content.pieces()), b"")[:PREVIEW_LIMIT]
        shown = self._redactor.request_content(preview, flow.request.headers)
        return None if shown is preview else (shown or b"")[:PREVIEW_LIMIT]


def is_same(changed: ChangedRequest, flow: Flow) -> bool:
    """Whether a hook sent back what it was shown."""
    return (
        changed.content is None
        and not changed.server_name
        and flow.request is not None
        and changed.request._replace(content=flow.request.content) == flow.request
    )


def _differences(question: Question, flow: Flow, content: Content) -> str:
    """Names what a hook changed, without values: those may be secrets."""
    old, new = question.flow.request, flow.request
    assert old is not None
    assert new is not None
    said = [
        name
        for name, one, other in (
            ("method", old.method, new.method),
            ("target", (old.scheme, old.host, old.port), (new.scheme, new.host, new.port)),
            ("authority", old.authority, new.authority),
            ("path", old.path, new.path),
            ("version", old.http_version, new.http_version),
            ("trailers", old.trailers, new.trailers),
            ("server name", question.flow.server_name or old.host, flow.server_name or new.host),
        )
        if one != other
    ]
    said += _fields(old.headers, new.headers)
    if content is not question.request_content:
        said.append(f"content of {content.size} bytes in place of {question.request_content.size}")
    return ", ".join(said) or "order of fields"


def _fields(old: Headers, new: Headers) -> Iterator[str]:
    names = dict.fromkeys(name.lower() for name, _ in (*old, *new))
    changed = [
        name
        for name in names
        if [value for other, value in old if other.lower() == name]
        != [value for other, value in new if other.lower() == name]
    ]
    yield from (name.decode("latin-1") for name in changed[:_NAMED])
    if len(changed) > _NAMED:
        yield f"{len(changed) - _NAMED} more fields"


def _joined(
    before: tuple[Change, ...], change: Change, made: tuple[Change, ...]
) -> tuple[Change, ...]:
    """Each once: planning what was planned finds some again."""
    return tuple(dict.fromkeys((*before, change, *made)))


def _sends_again(options: replay_pb2.EnqueueOptions) -> bool:
    """Whether the journal would send it again after a crash, for what it was before."""
    return (options.on_interrupt or _AUTO) == _AUTO


def _unsafe(before: Plan, made: Plan) -> Refusal:
    was, now = (plan.method.decode("latin-1") for plan in (before, made))
    return Refusal(
        Reason.HOOK_UNSAFE,
        f"a hook made {now} of {was}: after a crash it would be sent again, which is not safe; "
        "enqueue the batch with on_interrupt PARK, FAIL or RESEND",
    )


def _as_before(target: Target) -> Iterator[ConnectTo]:
    """Dials for the same target what was dialled before, whatever rule said so."""
    if target.dial_host:
        yield ConnectTo(target.scheme, target.host, target.port, *target.address)


def _connect_to(options: replay_pb2.EnqueueOptions) -> Iterator[ConnectTo]:
    for rule in options.connect_to:
        yield ConnectTo(rule.scheme, rule.host, rule.port, rule.dial_host, rule.dial_port)


_parsed = lru_cache(maxsize=16)(replay_pb2.EnqueueOptions.FromString)
"""Many replays are of few batches."""

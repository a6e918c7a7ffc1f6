"""Hooks' registrations, questions and answers: messages to words and back. Pure."""

from typing import NamedTuple

from flowreplay.v1 import flow_pb2, hook_pb2, reason_pb2

from replayd.codec.flow import decode_flow, encode_flow
from replayd.errors import FieldError, ReplaydError
from replayd.filters import FilterError, Matcher, compile_filter
from replayd.hooks.hook import Call
from replayd.hooks.words import (
    Answer,
    ChangedRequest,
    Content,
    HookPoint,
    HookSettings,
    Kill,
    Lost,
    OwnResponse,
    Proceed,
    Question,
)
from replayd.intake.options import MAX_FILTER
from replayd.reasons import Reason
from replayd.rpc.hook import HOOK_NAME

MAX_REASON = 200
"""Characters that are kept of why a hook killed a replay."""

_SHORTEST, _USUAL, _LONGEST = 0.01, 5.0, 600.0
"""Seconds that an answer may take."""


def settings_of(registration: hook_pb2.HookRegistration) -> HookSettings:
    """Checks a registration. Raises ReplaydError INVALID_OPTIONS."""
    name = registration.hook_name
    if not HOOK_NAME.fullmatch(name):
        raise _invalid("hook_name", "needs 1 to 64 letters, digits, `-`, `_` and `.`")
    points = set(registration.points)
    if not points or not points <= set(HookPoint):
        raise _invalid("points", "needs one or more of REQUEST, RESPONSE and ERROR")
    if registration.late_policy not in hook_pb2.HookPolicy.values():
        raise _invalid("late_policy", f"has the unknown value {registration.late_policy}")
    deadline = _USUAL
    if registration.HasField("deadline_duration"):
        said = registration.deadline_duration
        deadline = said.seconds + said.nanos / 1e9
    if not _SHORTEST <= deadline <= _LONGEST:
        raise _invalid("deadline_duration", "takes 10 ms to 10 min")
    limit = None
    if registration.HasField("content_limit_bytes"):
        limit = max(registration.content_limit_bytes, 0)
    return HookSettings(
        name,
        frozenset(map(HookPoint, points)),
        _matcher(registration.filter),
        registration.order,
        deadline,
        registration.late_policy == hook_pb2.HOOK_POLICY_KILL,
        limit,
    )


def _matcher(expression: str) -> Matcher | None:
    if not expression:
        return None
    if len(expression) > MAX_FILTER:
        raise _invalid("filter", f"may have at most {MAX_FILTER} characters")
    try:
        return compile_filter(expression, linear=True)
    except FilterError as error:
        raise _invalid("filter", f"can't be read: {error}") from error


def _invalid(field: str, what: str) -> ReplaydError:
    return FieldError(f"registration.{field}", what)


# Questions


class Asked(NamedTuple):
    """A call as it is sent."""

    message: hook_pb2.HookCall
    follow: tuple[Content, ...]
    """Contents that follow in chunks."""


def call_message(call: Call, content_limit: int | None) -> Asked:
    """Converts a question."""
    question = call.question
    flow = flow_pb2.Flow.FromString(encode_flow(question.flow))
    message = hook_pb2.HookCall(
        call_id=call.call_id,
        point=hook_pb2.HookPoint.ValueType(question.point.value),
        replay_id=question.replay.key.replay_id,
        batch_id=question.replay.key.batch_id,
        attempt=question.replay.attempt,
        flow_index=question.flow_index,
        recorded_status_code=question.recorded_status_code,
    )
    if question.error is not None:
        reason, said = question.error
        message.error.reason = reason_pb2.Reason.ValueType(reason.value)
        message.error.message = said
    follow = []
    halves: list[tuple[flow_pb2.Request | flow_pb2.Response, Content]] = [
        (flow.request, question.request_content)
    ]
    if question.flow.response is not None:
        halves.append((flow.response, question.response_content))
    for half, content in halves:
        half.content_missing = content_limit is not None and content.size > content_limit
        if half.content_missing:
            continue
        if content.data is not None:
            half.content = content.data
        else:
            half.content_follows = True
            follow.append(content)
    message.flow.CopyFrom(flow)
    return Asked(message, tuple(follow))


# Answers


def follows(answer: hook_pb2.HookAnswer) -> bool:
    """Whether the content of an answer follows in chunks."""
    decision = answer.WhichOneof("decision")
    if decision == "request":
        return answer.request.content_follows and not answer.content_kept
    return decision == "response" and answer.response.content_follows and not answer.content_kept


def answer_of(answer: hook_pb2.HookAnswer, question: Question, content: Content) -> Answer:
    """Converts an answer; `content`: the one that came with it, or after it."""
    decision = answer.WhichOneof("decision")
    if decision == "proceed":
        return Proceed()
    if decision == "kill":
        return Kill(answer.kill.message[:MAX_REASON])
    if decision == "request":
        made = flow_pb2.Flow(request=answer.request)
        made.request.content_missing = False
        request = decode_flow(made, None, None).request
        assert request is not None
        return ChangedRequest(request, None if answer.content_kept else content, answer.server_name)
    if decision == "response":
        if answer.content_kept and question.point is HookPoint.REQUEST:
            return Lost(Reason.HOOK_INVALID, "a hook kept the content of no response")
        made = flow_pb2.Flow(response=answer.response)
        response = decode_flow(made, None, None).response
        assert response is not None
        return OwnResponse(response, None if answer.content_kept else content)
    return Lost(Reason.HOOK_INVALID, "a hook's answer has no decision that is known here")

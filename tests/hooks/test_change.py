"""A changed request is planned as its batch and the daemon say."""

from flowreplay.v1 import replay_pb2

from replayd.codec.plan import decode_plan
from replayd.hooks.as_flow import flow_of
from replayd.hooks.change import Replanner, is_same
from replayd.hooks.words import ChangedRequest, HookPoint, Question, Send, in_memory
from replayd.model.plan import ChangeKind, ConnectTo, Plan
from replayd.planning.refusal import Refusal
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED
from tests.hooks.questions import plan, replay


def changed(
    of: Plan, options: replay_pb2.EnqueueOptions | None = None, **changes: object
) -> Send | Refusal:
    """Plans a change of a request; `content` among it replaces that."""
    encoded = (options or replay_pb2.EnqueueOptions()).SerializeToString()
    replanner = Replanner(lambda _: encoded, TargetRules(), 1000, UNKEYED)
    flow = flow_of(of, b"", "s")
    asked = Question(HookPoint.REQUEST, replay(of), flow, in_memory(b""), in_memory(b""), 0, 0)
    content = changes.pop("content", None)
    assert flow.request is not None
    answer = ChangedRequest(
        flow.request._replace(content=None, **changes),
        None if content is None else in_memory(content),  # type: ignore[arg-type]
    )
    return replanner.plan("h", asked, Send(replay(of), of), answer)


def sent(found: Send | Refusal) -> Plan:
    assert isinstance(found, Send), found
    assert decode_plan(found.replay.plan) == found.plan
    return found.plan


def test_what_does_not_fit_is_mended_and_named() -> None:
    made = sent(changed(plan(), content=b"abc"))
    assert made.head.endswith(b"Content-Length: 3\r\n\r\n")
    assert [each.kind for each in made.changes] == [ChangeKind.HOOK, ChangeKind.CONTENT_LENGTH]


def test_changes_from_before_stay_named_once() -> None:
    before = plan(http_version=b"HTTP/2.0", authority=b"a", headers=())
    made = sent(changed(before, path=b"/b"))
    assert made.changes[: len(before.changes)] == before.changes
    assert len(set(made.changes)) == len(made.changes)


def test_the_address_that_is_dialled_stays_also_without_the_rule() -> None:
    rule = ConnectTo("", "", 0, "127.0.0.9", 9)
    made = sent(changed(plan((rule,)), path=b"/b"))
    assert made.target.address == ("127.0.0.9", 9)


def test_another_host_goes_by_the_batchs_rules() -> None:
    options = replay_pb2.EnqueueOptions()
    options.connect_to.add(host="other.test", dial_host="127.0.0.8", dial_port=8)
    made = sent(changed(plan(), options, host="other.test"))
    assert made.target.address == ("127.0.0.8", 8)


def test_raw_leaves_what_contradicts_itself() -> None:
    options = replay_pb2.EnqueueOptions(raw=True)
    headers = ((b"Content-Length", b"99"),)
    made = sent(changed(plan(), options, content=b"abc", headers=headers))
    assert made.head.endswith(b"Content-Length: 99\r\n\r\n")


def test_two_requests_of_one_are_refused() -> None:
    found = changed(plan(), headers=((b"A", b"b\r\n\r\nGET / HTTP/1.1"),))
    assert isinstance(found, Refusal)
    assert found.reason is Reason.UNSAFE_BYTES


def test_too_much_is_refused() -> None:
    found = changed(plan(), content=bytes(1001))
    assert isinstance(found, Refusal)
    assert found.reason is Reason.CONTENT_TOO_LARGE


def test_secrets_are_not_shown() -> None:
    found = changed(plan(), headers=((b"Authorization", b"Bearer abcdef"),), path=b"/?token=abcdef")
    assert isinstance(found, Send)
    assert b"abcdef" in found.replay.plan
    assert found.replay.shown_plan
    assert b"abcdef" not in found.replay.shown_plan


def test_an_unsafe_method_is_for_batches_that_do_not_repeat_it() -> None:
    found = changed(plan(), method=b"POST")
    assert isinstance(found, Refusal)
    assert found.reason is Reason.HOOK_UNSAFE
    for policy in ("ON_INTERRUPT_PARK", "ON_INTERRUPT_FAIL", "ON_INTERRUPT_RESEND"):
        options = replay_pb2.EnqueueOptions(on_interrupt=replay_pb2.OnInterrupt.Value(policy))
        assert not sent(changed(plan(), options, method=b"POST")).idempotent


def test_what_was_sent_back_as_it_was_is_no_change() -> None:
    flow = flow_of(plan(), b"abc", "s")
    assert flow.request is not None
    same = ChangedRequest(flow.request._replace(content=None), None)
    assert is_same(same, flow)
    assert not is_same(same._replace(content=in_memory(b"abc")), flow)
    assert not is_same(same._replace(request=flow.request._replace(method=b"PUT")), flow)

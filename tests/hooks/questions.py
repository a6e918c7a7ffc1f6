"""What hooks' tests ask: a question about a plain request."""

from replayd.codec.plan import encode_plan
from replayd.hooks.as_flow import flow_of
from replayd.hooks.words import NOTHING, HookPoint, HookSettings, Question
from replayd.model.flow import Flow, Request
from replayd.model.plan import ConnectTo, Plan
from replayd.model.replay import Replay, ReplayKey
from replayd.planning.plan import make_plan

EVERY_POINT = frozenset(HookPoint)


def settings(name: str = "h", **others: object) -> HookSettings:
    return HookSettings(name, EVERY_POINT)._replace(**others)


def plan(connect_to: tuple[ConnectTo, ...] = (), **changes: object) -> Plan:
    request = Request(b"GET", b"http", "127.0.0.1", 80, b"/", headers=((b"Host", b"a"),))
    flow = Flow(flow_id="f", request=request._replace(**changes))
    return make_plan(flow, flow_index=0, connect_to=connect_to, raw=False)


def replay(of: Plan, content: bytes = b"") -> Replay:
    return Replay(ReplayKey("b", 0, 0), "s", of.idempotent, 1, encode_plan(of), content)


def question(point: HookPoint = HookPoint.REQUEST) -> Question:
    of = plan()
    return Question(point, replay(of), flow_of(of, b"", "s"), NOTHING, NOTHING, 0, 0)

"""The judge's part for WebSockets: whether the server got every message of the client, whole
and in order, and its close. The handshake is a request like any other (`judge`).

How messages were cut into frames, and whether they were compressed, no capture tells.
"""

from collections.abc import Mapping, Sequence

from replayd.model.flow import DamagedFlow, Flow, FlowKind
from tests.support.websocket_actor import UNSENT_CLOSE_CODES, spoken
from tests.support.websockets import Visit
from tools.fidelity.judge import Verdict

SHOWN = 64
"""Characters of a message that are shown."""


def conversations(
    flows: Sequence[Flow | DamagedFlow], accepted: Mapping[int, object]
) -> dict[int, Flow]:
    """The flows among those accepted that are WebSockets, by index."""
    return {
        index: flow
        for index in sorted(accepted)
        if isinstance(flow := flows[index], Flow) and flow.kind is FlowKind.WEBSOCKET
    }


def judge_websocket(flow: Flow, visit: Visit | None, failed: str) -> Verdict:
    """Compares what was captured with what the server got; `failed`: why the replay did."""
    if visit is None:
        return Verdict(wrong=f"the WebSocket never began: {failed or 'no error is given'}")
    assert flow.websocket is not None
    sent = [spoken(each) for each in flow.websocket.messages if each.replayed]
    wrong = [failed, first_difference(sent, visit.messages), other_close(flow, visit)]
    return Verdict(wrong="; ".join(filter(None, wrong)))


def first_difference(sent: Sequence[str | bytes], came: Sequence[str | bytes]) -> str:
    """Where two conversations begin to differ, for people; empty: nowhere."""
    for number, (expected, arrived) in enumerate(zip(sent, came, strict=False), 1):
        if arrived != expected:
            return f"message {number}: {expected[:SHOWN]!r} arrived as {arrived[:SHOWN]!r}"
    if len(sent) != len(came):
        return f"{len(came)} of {len(sent)} messages arrived"
    return ""


def other_close(flow: Flow, visit: Visit) -> str:
    """How the client's close differs, for people; empty: not at all, or it was the server's."""
    said = flow.websocket
    assert said is not None
    if said.client_closed is False:
        return ""
    expected = (said.close_code, said.close_reason)
    if said.close_code in UNSENT_CLOSE_CODES:
        expected = (1005, "")
    came = (visit.close_code, visit.close_reason)
    return "" if came == expected else f"closed with {came}, not {expected}"

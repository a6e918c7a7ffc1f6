"""The daemon's own words are those of the contract: same names, same numbers."""

from enum import IntEnum

import pytest
from flowreplay.v1 import comparison_pb2, event_pb2, flow_pb2, plan_pb2, reason_pb2, replay_pb2
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from replayd.model.comparison import DifferenceKind, Verdict
from replayd.model.event import EventKind, LogLevel, UpdateKind
from replayd.model.flow import FlowKind, WebSocketMessageKind
from replayd.model.plan import ChangeKind, Framing, HttpVersion, HttpVersions, WebSocketPace
from replayd.model.replay import OnInterrupt, ReplayState, Resolution
from replayd.model.target_state import BreakerState
from replayd.reasons import Reason

PAIRS: list[tuple[type[IntEnum], EnumTypeWrapper]] = [
    (Reason, reason_pb2.Reason),
    (EventKind, event_pb2.EventKind),
    (UpdateKind, event_pb2.UpdateKind),
    (LogLevel, event_pb2.LogLevel),
    (ReplayState, event_pb2.ReplayState),
    (OnInterrupt, replay_pb2.OnInterrupt),
    (Resolution, event_pb2.Resolution),
    (FlowKind, flow_pb2.FlowKind),
    (Framing, plan_pb2.Framing),
    (ChangeKind, plan_pb2.ChangeKind),
    (HttpVersion, replay_pb2.HttpVersion),
    (HttpVersions, plan_pb2.HttpVersions),
    (WebSocketPace, plan_pb2.WebSocketPace),
    (Verdict, comparison_pb2.ComparisonResult),
    (DifferenceKind, comparison_pb2.DifferenceKind),
    (WebSocketMessageKind, flow_pb2.WebSocketMessageKind),
    (BreakerState, replay_pb2.BreakerState),
]


@pytest.mark.parametrize(("own", "contract"), PAIRS, ids=lambda x: getattr(x, "__name__", ""))
def test_an_enum_is_the_contract_s(own: type[IntEnum], contract: EnumTypeWrapper) -> None:
    values = contract.DESCRIPTOR.values
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    theirs = {value.name.removeprefix(prefix): value.number for value in values}
    ours = {member.name: int(member) for member in own}
    # `NONE` says in the daemon what 0 means; others have no word for 'not said'.
    ours |= {"UNSPECIFIED": 0}
    ours.pop("NONE", None)
    assert ours == theirs


def test_every_enum_of_the_model_is_compared() -> None:
    compared = {own for own, _ in PAIRS}
    models = {
        kind for kind in IntEnum.__subclasses__() if kind.__module__.startswith("replayd.model")
    }
    assert models <= compared

"""Which replay an event ended."""

from replayd.codec.ended import ended_by
from replayd.codec.event import interrupted_event, with_sequence
from replayd.codec.plan import encode_plan
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason
from tests.support.journals import NOW, plan


def test_the_flow_index_is_read() -> None:
    key = ReplayKey("batch", 0, 77)
    event = interrupted_event(key, 1, encode_plan(plan(77)), Reason.INTERRUPTED, NOW, poison=False)
    assert ended_by(with_sequence(300, event.body)) == 77

"""Paces as messages, and when flows were captured."""

import pytest
from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.codec.pace import captured_at, pace_from, pace_message, pace_of
from replayd.model.pace import Pace, describe


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (Pace(), "asap"),
        (Pace(speed=1), "recorded"),
        (Pace(speed=2.5, max_gap=1_500_000_000), "recorded*2.5, no gap over 1.5 s"),
        (Pace(speed=1, max_gap=0), "recorded, no gap over 0 s"),
        (Pace(rate=0.5), "0.5/s"),
    ],
)
def test_paces_come_back_and_have_words(pace: Pace, words: str) -> None:
    message = pace_message(pace)
    assert pace_from(message) == pace
    assert pace_of(replay_pb2.EnqueueOptions(pace=message).SerializeToString()) == pace
    assert describe(pace) == words


def test_a_batch_without_options_has_no_pace() -> None:
    assert pace_of(b"") == Pace()


def test_when_a_flow_was_captured() -> None:
    flow = flow_pb2.Flow()
    assert captured_at(flow.SerializeToString()) is None
    flow.request.start_time.FromNanoseconds(1_700_000_000_123_456_000)
    assert captured_at(flow.SerializeToString()) == 1_700_000_000_123_456_000
    assert captured_at(b"flow") is None

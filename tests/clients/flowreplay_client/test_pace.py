"""How people say when replays are due."""

import pytest
from flowreplay.v1.replay_pb2 import EnqueueOptions, Pace
from flowreplay_client.pace import PaceSettings, fill_pace, parse_pace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("asap", {}),
        ("recorded", {"recorded_speed": 1}),
        ("recorded*0.5", {"recorded_speed": 0.5}),
        ("100/s", {"rate": 100}),
        ("30/m", {"rate": 0.5}),
        ("7.2/h", {"rate": 0.002}),
    ],
)
def test_paces(text: str, expected: dict[str, float]) -> None:
    assert parse_pace(text) == Pace(**expected)  # type: ignore[arg-type]


def test_a_longest_gap() -> None:
    pace = parse_pace("recorded", 1.5)
    assert pace.max_gap_duration.ToMilliseconds() == 1500
    assert parse_pace("recorded", 0).HasField("max_gap_duration")
    with pytest.raises(ValueError, match="only with the pace recorded"):
        parse_pace("1/s", 1)
    for gap in (-1, float("inf"), float("nan"), 1e300):
        with pytest.raises(ValueError, match="is not from 0 to 315576000000 seconds"):
            parse_pace("recorded", gap)


@pytest.mark.parametrize("text", ["fast", "recorded*", "recorded*0", "0/s", "1.2.3/s", "5/d", "5"])
def test_what_is_no_pace(text: str) -> None:
    with pytest.raises(ValueError, match="not a "):
        parse_pace(text)


def filled(**settings: object) -> EnqueueOptions:
    options = EnqueueOptions()
    fill_pace(options, PaceSettings(**settings))  # type: ignore[typeddict-item]
    return options


def test_nothing_said_sets_nothing() -> None:
    assert filled(pace="", max_gap=None, from_time="", to_time="") == EnqueueOptions()


def test_windows() -> None:
    options = filled(from_time="0", to_time="2026-05-01T12:00:00.5+02:00")
    assert options.HasField("window_start_duration")
    assert options.window_end_time.ToJsonString() == "2026-05-01T10:00:00.500Z"
    assert filled(to_time="1.5").window_end_duration.ToMilliseconds() == 1500


@pytest.mark.parametrize("text", ["yesterday", "2026-05-01T12:00:00", "-1", "12:00", "9" * 30])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        filled(from_time=text)

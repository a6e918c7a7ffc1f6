"""The options about time."""

import pytest
from flowreplay.v1 import replay_pb2

from replayd.errors import ReplaydError
from replayd.intake.timing import MAX_SPEED, Window, check_pace
from replayd.model.flow import Flow, Request


def options(**values: object) -> replay_pb2.EnqueueOptions:
    return replay_pb2.EnqueueOptions(**values)  # type: ignore[arg-type]


def flow(start: float | None) -> Flow:
    return Flow(request=Request(b"GET", b"http", "h", 80, b"/", start_time=start))


def taken(window: Window, *starts: float | None) -> list[int]:
    return [index for index, start in enumerate(starts) if window.takes(flow(start))]


def test_paces_of_which_a_schedule_can_be_made_pass() -> None:
    for pace in ({}, {"recorded_speed": 1}, {"rate": MAX_SPEED}, {"rate": 1 / MAX_SPEED}):
        check_pace(replay_pb2.Pace(**pace), "pace")  # type: ignore[arg-type]
    check_pace(replay_pb2.Pace(recorded_speed=1, max_gap_duration={"seconds": 0}), "pace")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"recorded_speed": 0}, "pace.recorded_speed"),
        ({"recorded_speed": -1}, "pace.recorded_speed"),
        ({"recorded_speed": float("nan")}, "pace.recorded_speed"),
        ({"rate": float("inf")}, "pace.rate"),
        ({"rate": MAX_SPEED + 1}, "pace.rate"),
        ({"rate": 1, "max_gap_duration": {"seconds": 1}}, "pace.max_gap_duration"),
        ({"recorded_speed": 1, "max_gap_duration": {"seconds": -1}}, "pace.max_gap_duration"),
    ],
)
def test_others_are_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(ReplaydError) as refused:
        check_pace(replay_pb2.Pace(**values), "pace")  # type: ignore[arg-type]
    assert refused.value.metadata["field"] == field


def test_a_window_between_two_times() -> None:
    window = Window(
        options(window_start_time={"seconds": 20}, window_end_time={"seconds": 30, "nanos": 1000})
    )
    assert not window.open
    assert taken(window, None, 19.999999, 20, None, 30, 30.000001, None, 25) == [2, 3, 4, 7]


@pytest.mark.parametrize("kind", ["time", "duration"])
def test_a_window_that_ends_before_it_begins_is_refused(kind: str) -> None:
    bounds = {f"window_start_{kind}": {"seconds": 2}, f"window_end_{kind}": {"seconds": 2}}
    with pytest.raises(ReplaydError, match="no flow is between") as refused:
        Window(options(**bounds))
    assert refused.value.metadata["field"] == f"options.window_end_{kind}"


def test_a_window_counted_from_the_first_flow() -> None:
    window = Window(
        options(window_start_duration={"nanos": 500_000_000}, window_end_duration={"seconds": 2})
    )
    assert taken(window, None, 100, 100.5, 99, 101.9, 102) == [2, 4]


def test_what_has_no_bounds_takes_all() -> None:
    window = Window(options())
    assert window.open
    assert taken(window, None, 5, 1) == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (
            {"window_start_time": {"seconds": 1}, "window_start_duration": {"seconds": 1}},
            "options.window_start_duration",
        ),
        ({"window_end_duration": {"seconds": -1}}, "options.window_end_duration"),
        ({"window_end_time": {"seconds": 1 << 60}}, "options.window_end_time"),
        ({"window_start_time": {"nanos": -1}}, "options.window_start_time"),
    ],
)
def test_windows_that_have_no_meaning_are_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(ReplaydError) as refused:
        Window(options(**values))
    assert refused.value.metadata["field"] == field

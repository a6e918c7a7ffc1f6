from flowreplay.v1.replay_pb2 import (
    GetPaceRequest,
    GetPaceResponse,
    Pace,
    SetPaceRequest,
    SetPaceResponse,
)

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


def test_it_changes_the_pace(fake: FakeDaemon) -> None:
    for changed, said in ((True, "recorded*2\n"), (False, "recorded*2 already\n")):
        fake.answers["SetPace"] = SetPaceResponse(changed=changed)
        arguments = ("pace", "b1", "recorded*2", "--max-gap", "1")
        assert replayctl(fake.address, *arguments).stdout == said
    pace = Pace(recorded_speed=2, max_gap_duration={"seconds": 1})
    assert fake.requests[0] == SetPaceRequest(batch_id="b1", pace=pace)


def test_it_tells_the_pace_and_how_late_replays_were(fake: FakeDaemon) -> None:
    told = GetPaceResponse(
        pace=Pace(recorded_speed=10, max_gap_duration={"nanos": 500_000_000}),
        replay_count=7,
        mean_lag_duration={"nanos": 1_500_000},
        greatest_lag_duration={"seconds": 2},
    )
    for pace, words in (
        (told, "recorded*10, no gap over 0.5 s\nlate: 1.5 ms on average, 2000.0 ms at most, of 7"),
        (GetPaceResponse(pace=Pace(rate=0.5)), "0.5/s\n"),
        (GetPaceResponse(pace=Pace(recorded_speed=1)), "recorded\n"),
        (GetPaceResponse(), "asap\n"),
    ):
        fake.answers["GetPace"] = pace
        assert replayctl(fake.address, "pace", "b1").stdout.startswith(words)
    assert fake.requests[0] == GetPaceRequest(batch_id="b1")


def test_what_is_no_pace_is_not_asked_for(fake: FakeDaemon) -> None:
    assert replayctl(fake.address, "pace", "b1", "fast").code == 2
    assert replayctl(fake.address, "pace", "b1", "1/s", "--max-gap", "1").code == 2
    assert fake.requests == []

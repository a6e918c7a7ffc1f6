import pytest

from replayd.model.replay import (
    MAX_REPEATS,
    OUTCOMES,
    REPEATED_FLOWS,
    TRANSITIONS,
    Counts,
    OnInterrupt,
    ReplayKey,
    ReplayRange,
    ReplayState,
    joined,
    ranges_between,
    ranges_of,
)


def test_every_state_has_a_row_in_the_table() -> None:
    assert TRANSITIONS.keys() == set(ReplayState)


def test_an_outcome_is_a_state_that_nothing_follows() -> None:
    waiting = {ReplayState.QUEUED, ReplayState.RUNNING}
    assert set(ReplayState) - waiting == OUTCOMES


@pytest.mark.parametrize(
    ("key", "replay_id"), [(ReplayKey("abc", 0, 7), "abc.7"), (ReplayKey("abc", 2, 7), "abc.7.2")]
)
def test_a_replay_id_names_batch_flow_and_repeat(key: ReplayKey, replay_id: str) -> None:
    assert key.replay_id == replay_id
    assert ReplayKey.parse(replay_id) == key


@pytest.mark.parametrize("text", ["", "abc", "abc.x", "abc.1.2.3", "abc.1.x"])
def test_other_text_is_no_replay_id(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int() has its own words
        ReplayKey.parse(text)


@pytest.mark.parametrize(
    ("policy", "idempotent", "other"),
    [
        (OnInterrupt.AUTO, True, False),
        (OnInterrupt.RESEND, True, True),
        (OnInterrupt.PARK, False, False),
        (OnInterrupt.FAIL, False, False),
    ],
)
def test_which_requests_a_crash_has_sent_again(
    policy: OnInterrupt, idempotent: bool, other: bool
) -> None:
    assert policy.sends_again(idempotent=True) is idempotent
    assert policy.sends_again(idempotent=False) is other


def test_a_queue_is_idle_when_nothing_waits_or_runs() -> None:
    assert Counts(succeeded=3, cleared=1).idle
    assert not Counts(queued=1).idle
    assert not Counts(running=1).idle


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        (ReplayKey("b", 0, 7), 7),
        (ReplayKey("b", 0, (1 << 31) - 1), (1 << 31) - 1),
        (ReplayKey("b", 1, 0), (1 << 31) + (1 << 20)),
        (ReplayKey("b", MAX_REPEATS - 1, REPEATED_FLOWS - 1), (1 << 32) - 1),
    ],
)
def test_a_slot_says_run_and_flow(key: ReplayKey, slot: int) -> None:
    assert key.slot == slot
    assert ReplayKey.at("b", slot) == key


@pytest.mark.parametrize("numbers", [(0, -1), (-1, 0), (1, REPEATED_FLOWS), (MAX_REPEATS, 0)])
def test_what_can_be_no_replay_has_no_slot(numbers: tuple[int, int]) -> None:
    assert ReplayKey("b", *numbers).slot == -1


def test_ranges_are_those_of_each_run() -> None:
    slots = [ReplayKey("b", *each).slot for each in ((0, 1), (0, 2), (0, 9), (1, 3), (2, 4))]
    assert joined(slots[:3]) == [(1, 2), (9, 9)]
    assert ranges_of("b", slots) == [
        ReplayRange("b", 0, 1, 2),
        ReplayRange("b", 0, 9, 9),
        ReplayRange("b", 1, 3, 3),
        ReplayRange("b", 2, 4, 4),
    ]
    assert ranges_between("b", slots[2], slots[4], 2, 8) == [
        ReplayRange("b", 1, 2, 8),
        ReplayRange("b", 2, 2, 4),
    ]

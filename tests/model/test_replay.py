import pytest

from replayd.model.replay import OUTCOMES, TRANSITIONS, Counts, OnInterrupt, ReplayKey, ReplayState


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

import itertools

import pytest
from flowreplay_client import EventsCompacted, ReplaydClientError, Unreachable
from replayctl.absence import PATIENCE, Absence

GONE = Unreachable("", "gone")
STOPPING = Unreachable("DAEMON_STOPPING", "the daemon is stopping")


class Clock:
    """Shows the time that it was set to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("error", "why"), [(GONE, ""), (STOPPING, " (DAEMON_STOPPING)")])
def test_a_loss_and_its_end_are_told_once_each(
    error: ReplaydClientError, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    absence = Absence("h:1", gives_up=False, clock=Clock())
    for _ in range(2):
        for _ in range(3):
            absence.interrupted(error)
        absence.returned()
    lines = [
        f"replayctl: lost the daemon at h:1{why}, trying again",
        "replayctl: the daemon at h:1 is back",
    ]
    assert capsys.readouterr().err.splitlines() == lines * 2


def test_it_gives_up_when_the_daemon_stays_away() -> None:
    clock = Clock()
    absence = Absence("h:1", gives_up=True, clock=clock)
    absence.interrupted(GONE)
    clock.now += PATIENCE - 0.1
    absence.interrupted(GONE)
    clock.now += 0.1
    with pytest.raises(Unreachable, match="gave up: no daemon at h:1 for 60 seconds"):
        absence.interrupted(GONE)


def test_each_loss_has_the_whole_patience() -> None:
    clock = Clock()
    absence = Absence("h:1", gives_up=True, clock=clock)
    for _ in range(3):
        absence.interrupted(GONE)
        clock.now += PATIENCE - 1
        absence.returned()


def test_who_did_not_ask_for_an_end_waits_for_ever() -> None:
    days = itertools.count(step=86400)
    absence = Absence("h:1", gives_up=False, clock=lambda: next(days))
    for _ in range(1000):
        absence.interrupted(GONE)


def test_a_gap_is_no_loss(capsys: pytest.CaptureFixture[str]) -> None:
    absence = Absence("h:1", gives_up=True)
    absence.interrupted(EventsCompacted("", "1 to 4"))
    absence.returned()
    assert capsys.readouterr() == ("", "replayctl: skipping events that are gone: 1 to 4\n")

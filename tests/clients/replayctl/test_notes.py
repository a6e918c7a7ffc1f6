import pytest
from flowreplay_client import EventsCompacted, ReplaydClientError, Unreachable
from replayctl.notes import tell_interruption, tell_paused


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EventsCompacted("", "1 to 4"), "replayctl: skipping events that are gone: 1 to 4\n"),
        (Unreachable("", "gone"), "replayctl: lost the daemon, trying again: gone\n"),
    ],
)
def test_an_interruption_is_told_by_its_kind(
    error: ReplaydClientError, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_interruption(error)
    assert capsys.readouterr() == ("", said)


def test_a_pause_says_what_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    tell_paused()
    assert "replayctl resume" in capsys.readouterr().err

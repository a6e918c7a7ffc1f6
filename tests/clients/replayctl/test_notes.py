import pytest
from replayctl.notes import tell_how_to_follow, tell_paused


def test_a_pause_says_what_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    tell_paused()
    assert "replayctl resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("batch_id", "said"),
    [
        ("", "the queue goes on in the daemon; follow it with `replayctl watch"),
        ("b", "batch b goes on in the daemon; follow it with `replayctl watch --batch b"),
    ],
)
def test_who_leaves_hears_how_to_follow(
    batch_id: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_how_to_follow("c", batch_id)
    assert capsys.readouterr().err == f"replayctl: {said} --from c --until-idle`\n"

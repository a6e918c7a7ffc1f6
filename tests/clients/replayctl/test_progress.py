import io
import re

import pytest
from replayctl.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_shown_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("x", 10) as advance:
        advance(5)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_the_bar_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress_bar("x.mitm", 4) as advance:
        for done in (1, 3, 0, 2, 4):  # a call that is repeated starts again
            advance(done)
    assert re.findall(r"(\d+)%", terminal.getvalue()) == ["0", "25", "75", "100"]
    assert "x.mitm" in terminal.getvalue()


@pytest.mark.parametrize("total", [0, None])
def test_without_a_total_there_is_no_bar(
    total: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress_bar("x", total) as advance:
        advance(1)
    assert terminal.getvalue() == ""

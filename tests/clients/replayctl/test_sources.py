import io
import sys

import click
import pytest
from flowreplay_client import ReplaydClientError
from replayctl.sources import check_stdin, naming, shown, source


def test_a_dash_is_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"bytes"))
    monkeypatch.setattr(sys, "stdin", stdin)
    raw = source("-")
    assert isinstance(raw, io.FileIO)
    assert (raw.fileno(), raw.closefd) == (0, False)
    assert source("./-") == "./-"
    assert (shown("-"), shown("a\n")) == ("stdin", r"a\n")
    check_stdin(["-", "a"])
    with pytest.raises(click.UsageError, match="only once"):
        check_stdin(["-", "a", "-"])


def test_a_terminal_is_no_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    check_stdin(["a"])
    with pytest.raises(click.UsageError, match="is a terminal"):
        check_stdin(["-"])


@pytest.mark.parametrize("left", [[], ["b", "c"]])
def test_errors_name_their_file_and_what_was_left(left: list[str]) -> None:
    with (
        pytest.raises(ReplaydClientError) as caught,
        naming("a", left_undone="not sent", left=left),
    ):
        raise ReplaydClientError("", "no")
    assert caught.value.message == "a: no"
    assert getattr(caught.value, "__notes__", []) == (["not sent: b, c"] if left else [])


def test_a_file_that_can_not_be_read_is_wrong_usage() -> None:
    with (
        pytest.raises(click.UsageError, match="can't read a: Is a directory"),
        naming("a", left_undone="", left=[]),
    ):
        raise OSError(21, "Is a directory")

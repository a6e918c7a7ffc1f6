"""Findings: told apart, saved, and repeated by their command."""

import shlex
from pathlib import Path

import pytest

from replayd.formats import Format, burp
from tools.fuzz import finding as module
from tools.fuzz.__main__ import main
from tools.fuzz.case import Case
from tools.fuzz.enqueue import Way
from tools.fuzz.finding import Finding, try_case
from tools.fuzz.limits import Peak

BURP = b'<items burpVersion="1"><item><request>x</request></item></items>'
CASE = Case("burp", BURP, Way(Format.BURP, salvage=True, piece=10))


def test_outcomes_are_words() -> None:
    peak = Peak()
    assert try_case(CASE, peak) == "no flows"
    assert try_case(Case("burp", b"<items>", Way(Format.BURP)), peak) == "damaged_capture"
    get = b"GET http://a.test/\n"
    assert try_case(Case("http", get, Way(Format.HTTP)), peak) == "accepted"


def test_a_crash_is_found_saved_and_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_data: object) -> bool:
        raise KeyError("broken")

    monkeypatch.setattr(burp, "_with_line_ends", broken)
    found = try_case(CASE, Peak())
    assert isinstance(found, Finding)
    assert found.kind.startswith("burp: KeyError in formats/burp.py:")
    path = found.save(tmp_path / "new")
    assert path.read_bytes() == BURP
    python, _, _, *given = shlex.split(found.command(path))
    assert (python, main(given)) == ("python", 1)
    assert "KeyError" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(given) == 0
    assert capsys.readouterr().out == "no flows\n"


def test_a_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_data: object) -> bytes:
        while True:
            pass

    monkeypatch.setattr(module, "SECONDS", 0.05)
    monkeypatch.setattr(burp, "_with_line_ends", endless)
    found = try_case(CASE, Peak())
    assert isinstance(found, Finding)
    assert found.kind == "burp: TooSlowError"

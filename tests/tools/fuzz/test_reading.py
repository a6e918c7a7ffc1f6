"""Readers under fire: what is no refusal is a finding. The short form of `make fuzz`'s part."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http1 import H11Reader
from replayd.wire.plain import PlainReader
from replayd.wire.websocket import Frames
from tools.fuzz.__main__ import main
from tools.fuzz.case import make_case
from tools.fuzz.finding import Finding, try_case
from tools.fuzz.limits import Peak
from tools.fuzz.reading import READERS, Reading
from tools.fuzz.series import run_share

SHORT = 200

WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("name", READERS)
def test_hostile_answers_are_refused_and_nothing_else(name: str) -> None:
    result = run_share(name, seed=0, first=0, count=SHORT)
    assert result.findings == {}
    assert result.inputs == SHORT == sum(result.outcomes.values())
    # What is made is neither all damaged nor all well.
    well = sum(result.outcomes[each] for each in ("complete", "open", "closed", "tunnel"))
    assert SHORT // 20 < well < SHORT


def found(given: Reading) -> str:
    came = try_case(given, Peak())
    assert isinstance(came, Finding), came
    return came.what


def test_a_difference_between_the_readers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlainReader, "continued", True)
    assert "h11: " in found(Reading("http1", WELL))


def test_a_difference_between_ways_of_cutting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PlainReader.feed

    def forgetful(self: PlainReader, data: bytes, write: Callable[[bytes], object]) -> None:
        self.lenient = self.lenient or len(data) > 30
        whole(self, data, write)

    monkeypatch.setattr(PlainReader, "feed", forgetful)
    assert "in pieces: " in found(Reading("http1", WELL, 7))


def test_an_end_that_is_not_told_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(H11Reader, "feed", lambda *_: None)
    assert "nobody said what became of it" in found(Reading("http1", WELL))


def test_a_message_as_long_as_what_came_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def talkative(*_: object) -> None:
        raise WireError(Reason.INVALID_RESPONSE, "x" * 9000)

    monkeypatch.setattr(H11Reader, "feed", talkative)
    assert "BrokenPromiseError" in found(Reading("connect", WELL))


def test_more_than_there_is_room_for_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    given = next(
        made for number in range(1000) if (made := _websocket(number)).run() == "body_too_large"
    )
    monkeypatch.setattr(Frames, "_too_large", lambda _: ValueError("too large"))
    assert "ValueError" in found(given)


def _websocket(number: int) -> Reading:
    made = make_case("websocket", 1, number)
    assert isinstance(made, Reading)
    return made


def test_a_finding_is_repeated_by_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(PlainReader, "continued", True)
    came = try_case(Reading("http1", WELL, 1000, b"HEAD"), Peak())
    assert isinstance(came, Finding)
    python, _, _, *given = shlex.split(came.command(came.save(tmp_path)))
    assert (python, main(given)) == ("python", 1)
    assert "h11: " in capsys.readouterr().out
    monkeypatch.undo()
    assert main(given) == 0
    assert capsys.readouterr().out == "complete\n"


def test_atheris_makes_captures_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--engine", "atheris", "--format", "http1"])
    assert "makes captures only" in capsys.readouterr().err

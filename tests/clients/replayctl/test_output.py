import io
import json
import os

import pytest
from flowreplay.v1.replay_pb2 import CountResponse
from replayctl.output import Output, give_up_stdout, note


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text_prints_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.show(CountResponse(), "one", "two")
    output.show_object({"a": 1}, "three")
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_json_prints_one_message_a_line_with_every_field(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=True)
    output.show(CountResponse(queued_count=3, cursor="c\x1b"), "not shown")
    output.show_object({"batchId": "b"}, "not shown")
    first, second = capsys.readouterr().out.splitlines()
    shown = json.loads(first)
    assert (shown["queuedCount"], shown["failedCount"], shown["paused"]) == ("3", "0", False)
    assert "\x1b" not in first
    assert json.loads(second) == {"batchId": "b"}


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_only_a_terminal_sees_colours(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Output(as_json=False).style("x", "red") == "x"
    monkeypatch.setattr("sys.stdout", Terminal())
    assert (Output(as_json=False).style("x", "red") != "x") == coloured
    assert Output(as_json=True).style("x", "red") == "x"


def write_after_the_reader_left(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        try:
            for _ in range(3):
                output.show(CountResponse(), "line")
        finally:
            give_up_stdout()
            monkeypatch.undo()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_reader_that_leaves_is_an_error(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BrokenPipeError):
        write_after_the_reader_left(Output(as_json=as_json), monkeypatch)


def test_text_may_outlive_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    write_after_the_reader_left(Output(as_json=False).outliving_its_reader(), monkeypatch)


def test_json_never_outlives_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BrokenPipeError):
        write_after_the_reader_left(Output(as_json=True).outliving_its_reader(), monkeypatch)


def test_talk_goes_to_stderr_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    note("bad\x1b[31m")
    assert capsys.readouterr() == ("", "replayctl: bad\\x1b[31m\n")

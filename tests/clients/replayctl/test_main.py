"""What only a process of its own shows."""

import signal
import subprocess
import sys

import click
import pytest
from flowreplay.v1.replay_pb2 import CountResponse, GetStatusResponse
from replayctl.cli import cli
from replayctl.main import main

from tests.support.fake_daemon import HANG, FakeDaemon, events
from tests.support.processes import DEADLINE
from tests.support.programs import find
from tests.support.replayctl import replayctl, start_replayctl


def test_an_unreachable_daemon_is_code_3() -> None:
    ended = replayctl("unix:/nowhere/at.all", "count")
    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.startswith(
        "replayctl: can't reach the daemon at unix:/nowhere/at.all: nothing"
    )


def test_the_address_of_the_flag_comes_first() -> None:
    ended = replayctl("nonsense", "--address", "unix:/given", "count")
    assert "unix:/given" in ended.stderr


def test_ctrl_c_is_quiet_and_code_130(fake: FakeDaemon) -> None:
    fake.watches.append([events(cursor="c"), events(1, cursor="place"), HANG])
    process = start_replayctl(fake.address, "--output", "json", "watch")
    try:
        process.wait_for_output(lambda: bool(process.stdout), "the event")
        process.signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr == ["replayctl: go on with --from place"]
    finally:
        process.close()


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt, 130, "\n"),
        (click.UsageError("it is no flow"), 2, "Error: it is no flow\n"),
        (click.ClickException("it can't be"), 2, "Error: it can't be\n"),
        (click.exceptions.Exit(5), 5, ""),
    ],
)
@pytest.mark.parametrize("where", ["make_context", "invoke"])
def test_what_ends_a_command_anywhere_has_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    where: str,
    raised: type[BaseException] | Exception,
    code: int,
    said: str,
) -> None:
    def end(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(sys, "argv", ["replayctl", "count"])
    monkeypatch.setattr(cli, where, end)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert capsys.readouterr().err == said


def test_a_reader_that_leaves_ends_it_quietly(fake: FakeDaemon) -> None:
    fake.watches.append([events(cursor="c"), *(events(n) for n in range(1, 5000)), HANG])
    command = f"{find('replayctl')} --output json --address {fake.address} watch | head -n 1"
    shell = ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"]
    done = subprocess.run(shell, capture_output=True, timeout=DEADLINE, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [(">/dev/full", 2, "No space left"), (">&-", 0, ""), ("| true", 0, "")],
)
def test_a_stdout_that_takes_nothing_brings_no_traceback(
    redirection: str, code: int, said: str
) -> None:
    command = f"{find('replayctl')} completion bash {redirection}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, timeout=DEADLINE, check=False, text=True
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_poor_encoding_is_no_error(fake: FakeDaemon) -> None:
    fake.answers["GetStatus"] = GetStatusResponse(journal="\u6f22")
    fake.answers["Count"] = CountResponse()
    process = start_replayctl(fake.address, "status", environment={"PYTHONIOENCODING": "latin-1"})
    try:
        assert process.wait() == 0
        assert any("\\u6f22" in line for line in process.stdout)
    finally:
        process.close()

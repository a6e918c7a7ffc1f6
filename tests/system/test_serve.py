"""`replayd serve` as an operator meets it: options, refusals to start, readiness."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from flowreplay.v1 import replay_pb2

from benchmarks.machine import cpu_seconds
from tests.support.calls import events, outcomes, wait_for
from tests.support.daemon import Daemon, clean_environment
from tests.support.processes import DEADLINE, Process
from tests.support.programs import ROOT, find


def serve(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `replayd serve` where it is expected not to start."""
    return subprocess.run(
        [find("replayd"), "serve", *options],
        env=clean_environment(folder, **environment),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def concurrency(daemon: Daemon) -> int:
    """What the daemon says its concurrency is."""
    status = daemon.stub().GetStatus(replay_pb2.GetStatusRequest(), timeout=DEADLINE)
    return int(status.concurrency)


def test_flag_beats_environment_beats_file_beats_default(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    config = tmp_path / "replayd.toml"
    config.write_text("concurrency = 2\nephemeral = true\n")
    file = ["--config", str(config)]
    variable = {"REPLAYD_CONCURRENCY": "3"}
    assert concurrency(start_daemon("--ephemeral")) == 1
    assert concurrency(start_daemon("--ephemeral", *file)) == 2
    assert concurrency(start_daemon("--ephemeral", *file, environment=variable)) == 3
    flag = ["--concurrency", "4"]
    assert concurrency(start_daemon("--ephemeral", *file, *flag, environment=variable)) == 4


def test_a_second_daemon_on_the_same_data_is_refused(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    data = f"{daemon.folder}/data"
    done = serve(tmp_path, "--data-dir", data, "--listen", "127.0.0.1:0")
    assert done.returncode != 0
    assert done.stdout == ""
    assert data in done.stderr
    assert str(daemon.process.pid) in done.stderr
    assert "Traceback" not in done.stderr
    assert concurrency(daemon) == 1, "the first one goes on"


def test_a_second_daemon_on_the_same_socket_is_refused(
    start_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = start_daemon("--ephemeral")
    done = serve(tmp_path, "--ephemeral", "--listen", daemon.address)
    assert done.returncode == 2
    assert "another daemon listens there" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--listen", "0.0.0.0:0"], "loopback"),
        (["--listen", "nonsense"], "unix:PATH or HOST:PORT"),
        (["--listen", "unix:/etc/hostname"], "a file is there already"),
        (
            ["--listen", "127.0.0.1:7", "--listen", "127.0.0.1:7"],
            "127.0.0.1:7: the address is given",
        ),
        (["--concurrency", "0"], "--concurrency"),
        (["--no-such-option"], "--no-such-option"),
        (["--upstream", "ftp://x"], "--upstream"),
        (["--allow-target", "10.0.0.0/99"], "--deny-target: '10.0.0.0/99' is none of"),
        (["--client-replay", "/no/such/file"], "/no/such/file"),
        (["--client-replay", "/dev/null"], "/dev/null"),
        (["--listen", "unix:/proc/x.sock"], "unix:/proc/x.sock"),
        (["--config", "/no/such/file"], "/no/such/file"),
        (["--ca-file", "/no/such/file"], "/no/such/file"),
        (["--bind-address", "nonsense"], "--bind-address"),
        (["--ciphers", "nonsense"], "ciphers"),
    ],
)
def test_a_wrong_option_stops_the_start_and_says_what(
    tmp_path: Path, options: list[str], said: str
) -> None:
    done = serve(tmp_path, "--ephemeral", "--listen", "127.0.0.1:0", *options)
    assert done.returncode == 2, done
    assert "listening on" not in done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_in_use_is_one_line(start_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = start_daemon("--ephemeral", "--listen", "127.0.0.1:0")
    done = serve(tmp_path, "--ephemeral", "--listen", daemon.address)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"--listen {daemon.address}: the port can't be had: another program" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_long_start(tmp_path: Path, number: signal.Signals) -> None:
    endless, socket = tmp_path / "endless.mitm", tmp_path / "s.sock"
    with endless.open("wb") as file:
        file.truncate(1 << 36)
    command = [find("replayd"), "serve", "--ephemeral", "--listen", f"unix:{socket}"]
    process = Process(
        [*command, "--client-replay", endless], environment=clean_environment(tmp_path)
    )
    try:
        process.wait_for_output(
            lambda: any(f"enqueueing {endless}" in line for line in process.stderr), "long start"
        )
        process.signal(number)
        assert process.wait(DEADLINE) == 0
    finally:
        process.close()
    assert process.stdout == [], "it was never ready"
    assert not socket.exists()
    assert "Traceback" not in process.describe()


def test_it_is_ready_soon_and_private(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    # The goal is under a second. It is CPU: other tests may run beside this one.
    assert cpu_seconds(daemon.process.pid) < 1
    path = Path(daemon.address.removeprefix("unix:"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert (daemon.folder / "data").stat().st_mode & 0o777 == 0o700


def test_captures_given_at_the_start_are_replayed_once(
    start_daemon: Callable[..., Daemon],
) -> None:
    capture = str(ROOT / "tests" / "data" / "captures" / "rec-basic.mitm")
    daemon = start_daemon("--client-replay", capture)
    # Its server is long gone: each ends with an error, which will do here.
    first = outcomes(events(daemon.stub()))
    assert len(first) == 23
    assert daemon.terminate() == 0
    daemon.restart()
    assert outcomes(events(daemon.stub())) == first


def test_a_capture_may_have_any_name(start_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    capture = tmp_path / "caf\udce9.mitm"
    capture.write_bytes((ROOT / "tests" / "data" / "captures" / "rec-basic.mitm").read_bytes())
    daemon = start_daemon("--ephemeral", "--paused", "--client-replay", str(capture))
    (label,) = {event.update.label for event in wait_for(daemon.stub(), "update", 2)} - {""}
    assert label == "caf\N{REPLACEMENT CHARACTER}.mitm"


def test_a_damaged_capture_at_the_start_stops_it(tmp_path: Path) -> None:
    capture = str(ROOT / "tests" / "data" / "captures" / "mut-truncated-mid-flow.mitm")
    done = serve(tmp_path, "--ephemeral", "--listen", "127.0.0.1:0", "--client-replay", capture)
    assert done.returncode == 2
    assert done.stdout == ""
    assert capture in done.stderr
    assert "byte " in done.stderr


def test_the_log_is_json_when_asked(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--ephemeral", "--log-format", "json")
    assert daemon.terminate() == 0
    assert all(line.startswith("{") for line in daemon.process.stderr if line)

"""The main job as its users do it: serve, enqueue a dump, watch, count, clear."""

import json
from collections.abc import Callable

from benchmarks.machine import ended_cpu_seconds
from tests.support.daemon import Daemon
from tests.support.programs import ROOT
from tests.support.recorder import Exchange, Recorder

CAPTURES = ROOT / "tests" / "data" / "captures"
BASIC = str(CAPTURES / "rec-basic.mitm")
STREAMED = str(CAPTURES / "rec-sse.mitm")


def connect_to(recorder: Recorder) -> list[str]:
    """The flags that dial the recorder for plain http."""
    return ["--connect-to", f"http://={recorder.address}"]


def test_a_dump_is_replayed_watched_and_summed_up(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon()
    done = daemon.replayctl("enqueue", BASIC, *connect_to(recorder), "--wait")
    assert "23 accepted" in done.stdout
    assert "23 succeeded" in done.stdout
    assert len(recorder.requests) == 23
    assert daemon.replayctl("count").stdout == "0\n"

    watched = daemon.replayctl("watch", "--from", "start", "--until-idle").stdout
    assert watched.count("\n") == 24, "what was queued, and a line a replay"
    assert "GET http://127.0.0.1:28100/status/404  200 (recorded 404)" in watched

    lines = daemon.replayctl(
        *("--output", "json", "watch", "--from", "start", "--until-idle", "--kind", "response")
    ).stdout.splitlines()
    codes = {json.loads(line)["response"]["head"]["statusCode"] for line in lines}
    assert len(lines) == 23
    assert codes == {200}


def test_stdin_and_several_files(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon()
    stdin = (CAPTURES / "rec-basic.mitm").read_bytes()
    # Port 1 on this machine: nobody listens there, and nobody without privileges can.
    rules = [*connect_to(recorder), "--connect-to", "https://=127.0.0.1:1"]
    done = daemon.replayctl("enqueue", "-", STREAMED, *rules, "--wait", stdin=stdin, exit_code=1)
    assert "23 accepted" in done.stdout
    assert "4 accepted, 2 refused" in done.stdout
    assert "MISSING_CONTENT" in done.stdout
    assert "CONNECT_FAILED x1" in done.stdout


def test_strict_refuses_all_for_one(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    done = daemon.replayctl("enqueue", STREAMED, "--strict", exit_code=4)
    assert "FLOW_REFUSED" in done.stderr
    assert daemon.replayctl("count").stdout == "0\n"


def test_a_paused_queue_is_counted_and_cleared(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon("--paused")
    daemon.replayctl("enqueue", BASIC, *connect_to(recorder))
    assert daemon.replayctl("count").stdout == "23\n"
    assert daemon.replayctl("clear").stdout == "23\n"
    assert daemon.replayctl("count").stdout == "0\n"
    daemon.replayctl("resume")
    daemon.replayctl("enqueue", BASIC, *connect_to(recorder), "--wait")
    assert len(recorder.requests) == 23
    counted = json.loads(daemon.replayctl("--output", "json", "count").stdout)
    assert (counted["clearedCount"], counted["succeededCount"]) == ("23", "23")


def test_pause_lets_what_runs_finish_and_clear_leaves_it(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    def answer_when_cleared(exchange: Exchange) -> None:
        if len(recorder.requests) == 1:
            daemon.replayctl("pause")
            assert daemon.replayctl("clear").stdout == "22\n"
        exchange.reply()

    recorder = start_recorder(answer_when_cleared)
    daemon = start_daemon()
    # Exit code 1: replays ended without a response.
    done = daemon.replayctl("enqueue", BASIC, *connect_to(recorder), "--wait", exit_code=1)
    assert "1 succeeded" in done.stdout
    assert "22 cleared" in done.stdout
    assert len(recorder.requests) == 1


def test_short_commands_are_quick(start_daemon: Callable[..., Daemon]) -> None:
    process = start_daemon().replayctl_process("count")
    before = ended_cpu_seconds()
    try:
        assert process.wait() == 0
    finally:
        process.close()
    # Of CPU, which other tests beside this one don't change; the goal is well under half of it.
    assert ended_cpu_seconds() - before < 1


def test_no_daemon_is_its_own_exit_code(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    daemon.terminate()
    done = daemon.replayctl("count", exit_code=3)
    assert "Traceback" not in done.stderr

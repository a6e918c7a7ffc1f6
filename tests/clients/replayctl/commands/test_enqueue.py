import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner
from flowreplay.v1 import reason_pb2
from flowreplay.v1.event_pb2 import REPLAY_STATE_CLEARED, REPLAY_STATE_SUCCEEDED
from flowreplay.v1.history_pb2 import ExportRequest, SummarizeResponse
from flowreplay.v1.plan_pb2 import WEB_SOCKET_PACE_RECORDED
from flowreplay.v1.replay_pb2 import (
    CAPTURE_FORMAT_HAR,
    HTTP_VERSION_RECORDED,
    ON_INTERRUPT_PARK,
    CaptureNote,
    EnqueueRequest,
    EnqueueResponse,
    Refusal,
)
from flowreplay.v1.summary_pb2 import FailedAssertion, StateCount, Summary
from replayctl.cli import cli

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon, Refuse, events
from tests.support.processes import DEADLINE
from tests.support.programs import find
from tests.support.recorder import Exchange, Recorder
from tests.support.replayctl import replayctl, replayctl_on_terminal, start_replayctl

ANSWER = EnqueueResponse(batch_id="b", accepted_count=1, cursor="c")
BAD = Refuse(grpc.StatusCode.INVALID_ARGUMENT, "DAMAGED_CAPTURE", "damaged at byte 7")


@pytest.fixture
def capture(captures: Path) -> str:
    return str(captures / "mut-unknown-key.mitm")


def not_found(exchange: Exchange) -> None:
    exchange.reply(404)


def test_options_travel_as_given(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(ANSWER)
    options = ["--format", "mitmproxy", "--strict", "--raw", "--salvage"]
    options += ["--label", "l", "--request-id", "r", "--http-version", "recorded"]
    options += ["--refuse-websocket", "--websocket-pace", "recorded"]
    options += ["--on-interrupt", "park", "--trust-idempotency-key"]
    rules = ["--connect-to", "a:80=h:1", "--connect-to", "=h:2"]
    ended = replayctl(fake.address, "enqueue", *options, *rules, capture)
    assert ended.stdout == f"{capture}: batch b: 1 accepted\n"
    first = fake.requests[0]
    assert isinstance(first, EnqueueRequest)
    sent = first.options
    assert (sent.format, sent.strict, sent.raw, sent.label) == (1, True, True, "l")
    assert (sent.request_id, sent.salvage) == ("r", True)
    assert sent.http_version == HTTP_VERSION_RECORDED
    assert (sent.refuse_websocket, sent.websocket_pace) == (True, WEB_SOCKET_PACE_RECORDED)
    assert (sent.on_interrupt, sent.trust_idempotency_key) == (ON_INTERRUPT_PARK, True)
    assert [(rule.host, rule.dial_port) for rule in sent.connect_to] == [("a", 1), ("", 2)]


def test_a_stream_is_asked_for(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(ANSWER)
    assert replayctl(fake.address, "enqueue", "--stream", capture).code == 0
    first = fake.requests[0]
    assert isinstance(first, EnqueueRequest)
    assert first.options.stream


def test_a_capture_is_replayed_while_it_still_comes(
    daemon: Daemon, start_recorder: Callable[..., Recorder], captures: Path, tmp_path: Path
) -> None:
    target = start_recorder()
    content = (captures / "rec-basic.mitm").read_bytes()
    pipe = tmp_path / "slow.mitm"
    os.mkfifo(pipe)
    rule = ["--connect-to", f"={target.address}"]
    process = start_replayctl(daemon.address, "enqueue", "--stream", *rule, str(pipe))
    try:
        with pipe.open("wb", buffering=0) as file:
            file.write(content[: len(content) // 2])
            target.wait_for(5)
            file.write(content[len(content) // 2 :])
        assert process.wait() == 0
    finally:
        process.close()
    assert process.stdout[0].endswith(": 23 accepted")


def test_a_stream_that_turns_out_damaged_says_what_was_queued(
    daemon: Daemon, captures: Path
) -> None:
    path = str(captures / "mut-truncated-mid-flow.mitm")
    rule = ["--connect-to", "=127.0.0.1:9"]
    ended = daemon.replayctl("enqueue", "--stream", *rule, path, exit_code=4)
    assert "(byte 6010, flow 3); accepted before that: 3, as batch " in ended.stderr


def test_refusals_and_notes_are_listed(fake: FakeDaemon, capture: str) -> None:
    refusals = [
        Refusal(flow_index=1, flow_id="f\x1b", reason=reason_pb2.REASON_LIVE_FLOW, message="live"),
        Refusal(flow_index=2, reason=reason_pb2.REASON_NOT_HTTP, message="tcp"),
    ]
    answer = EnqueueResponse(
        batch_id="b",
        accepted_count=1,
        refused_count=1005,
        refusals=refusals,
        notes=[CaptureNote(flow_index=0, message="odd")],
        duplicate=True,
    )
    fake.enqueues.append(answer)
    assert replayctl(fake.address, "enqueue", capture).stdout.splitlines() == [
        f"{capture}: batch b: 1 accepted, 1005 refused (enqueued before under this request id)",
        r"  flow 1 (f\x1b) refused: LIVE_FLOW: live",
        "  flow 2 refused: NOT_HTTP: tcp",
        "  and 1003 more flows refused",
        "  flow 0: odd",
    ]


def test_stdin_is_a_capture_too(daemon: Daemon, target: Recorder, captures: Path) -> None:
    content = (captures / "mut-header-injection.mitm").read_bytes()
    rule = f"={target.address}"
    ended = replayctl(daemon.address, "enqueue", "--connect-to", rule, "-", stdin=content)
    first, refusal = ended.stdout.splitlines()
    assert first.startswith("stdin: batch ")
    assert first.endswith(": 2 accepted, 1 refused")
    assert "flow 1 (362f29e5-32bf-4191-a6bf-3eaa922eeb18) refused: UNSAFE_BYTES:" in refusal


def test_files_are_batches_in_their_order(daemon: Daemon, captures: Path, capture: str) -> None:
    other = str(captures / "mut-empty.mitm")
    ended = replayctl(
        daemon.address,
        "--output",
        "json",
        "enqueue",
        "--connect-to",
        "=127.0.0.1:1",
        capture,
        other,
    )
    batches = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [batch["acceptedCount"] for batch in batches] == ["3", "0"]


def test_a_bad_capture_names_the_file_and_what_was_left(
    fake: FakeDaemon, captures: Path, capture: str
) -> None:
    bad, later = (str(captures / name) for name in ("rec-dns.mitm", "rec-ws.mitm"))
    fake.enqueues.extend([ANSWER, BAD])
    ended = replayctl(fake.address, "enqueue", capture, bad, later)
    assert ended.code == 4
    assert ended.stdout == f"{capture}: batch b: 1 accepted\n"
    assert ended.stderr.splitlines() == [
        f"replayctl: {bad}: damaged at byte 7 [DAMAGED_CAPTURE]",
        f"replayctl: not enqueued either: {later}",
    ]


def test_a_damaged_capture_says_where(daemon: Daemon, captures: Path) -> None:
    path = str(captures / "mut-truncated-mid-flow.mitm")
    ended = daemon.replayctl("enqueue", path, exit_code=4)
    assert f"{path}: " in ended.stderr
    assert "(byte 6010, flow 3) [DAMAGED_CAPTURE]" in ended.stderr


def test_strict_refuses_all(daemon: Daemon, captures: Path) -> None:
    path = str(captures / "mut-header-injection.mitm")
    assert "FLOW_REFUSED" in daemon.replayctl("enqueue", "--strict", path, exit_code=4).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument"),
        (["no-such-file"], "does not exist"),
        (["."], "is a directory"),
        (["-", "-"], "only once"),
        (["--request-id", "r", "FILE", "FILE"], "give one FILE"),
        (["--fail-on", "error", "FILE"], "only --wait"),
        (["--wait", "--fail-on", ",", "FILE"], "nothing can't be named"),
        (["--wait", "--fail-on", "", "FILE"], "nothing can't be named"),
        (["--wait", "--fail-on", "diff>1%", "--no-compare", "FILE"], "can't fail"),
        (["--connect-to", "a:x=h:1", "FILE"], "the port 'x'"),
        (["--format", "tar", "FILE"], "'tar' is not"),
        (["--dry-run", "--wait", "FILE"], "--dry-run sends nothing"),
        (["--dry-run", "--save", "x.har", "FILE"], "--dry-run sends nothing"),
        (["--dry-run", "--stream", "FILE"], "--dry-run queues nothing"),
        (["--stream", "--strict", "FILE"], "--stream does not wait"),
        (["--label", "l" * 201, "FILE"], "201 characters are more than 200"),
        (["--request-id", "r" * 201, "FILE"], "201 characters are more than 200"),
    ],
)
def test_wrong_usage_sends_nothing(
    fake: FakeDaemon, capture: str, arguments: list[str], said: str
) -> None:
    files = [capture if each == "FILE" else each for each in arguments]
    result = CliRunner().invoke(cli, ["--address", fake.address, "enqueue", *files])
    assert result.exit_code == 2
    assert said in result.output
    assert fake.requests == []


def test_a_label_may_have_200_characters(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(ANSWER)
    assert replayctl(fake.address, "enqueue", "--label", "\u6f22" * 200, capture).code == 0


def test_a_terminal_is_no_capture(fake: FakeDaemon) -> None:
    assert "stdin (-) is a terminal" in replayctl_on_terminal(fake.address, "enqueue", "-")


def test_wait_sums_up(daemon: Daemon, target: Recorder, capture: str) -> None:
    ended = daemon.replayctl("enqueue", "--wait", "--connect-to", f"={target.address}", capture)
    *_, states, statuses, compared, latency, run = ended.stdout.splitlines()
    assert states.endswith(": 3 succeeded")
    assert statuses == "  statuses: 200 x3"
    assert compared == "  beside the recorded responses: 3 different"
    assert re.match(r"  latency: p50 [\d.]+ ms, .*max [\d.]+ ms$", latency)
    assert "replays a second" in run


def test_wait_fails_on_errors(daemon: Daemon, capture: str) -> None:
    nobody = ["--connect-to", "=127.0.0.1:1"]
    ended = daemon.replayctl("--output", "json", "enqueue", "--wait", *nobody, capture, exit_code=1)
    summary = json.loads(ended.stdout.splitlines()[-1])["summary"]
    (failed,) = summary["stateCounts"]
    assert (failed["state"], failed["replayCount"]) == ("REPLAY_STATE_FAILED", "3")
    assert summary["reasonCounts"][0]["reason"] == "REASON_CONNECT_FAILED"
    told = daemon.replayctl(
        "enqueue", "--wait", "--fail-on", "status", *nobody, capture, exit_code=1
    )
    *_, errors, first, hint, judged = told.stdout.splitlines()
    assert judged.startswith("  status: 3 of 3 without a response")
    assert errors == "  errors: CONNECT_FAILED x3"
    assert re.fullmatch(r"    CONNECT_FAILED: \w+\.0: .*refused", first)
    command = hint.partition("`replayctl ")[2].rstrip("`").split()
    assert daemon.replayctl(*command).stdout.count("CONNECT_FAILED") == 3


def test_wait_fails_on_statuses_when_asked(
    daemon: Daemon, start_recorder: type[Recorder], capture: str
) -> None:
    rule = ["--connect-to", f"={start_recorder(not_found).address}"]
    daemon.replayctl("enqueue", "--wait", *rule, capture)
    for names in ("status", "error, status", "status=404", "p50>0us"):
        fail_on = ["--fail-on", names]
        daemon.replayctl("enqueue", "--wait", *rule, *fail_on, capture, exit_code=1)


def test_wait_fails_on_what_was_cleared(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(ANSWER)
    fake.watches.append([events()])
    cleared = StateCount(state=REPLAY_STATE_CLEARED, replay_count=1)
    fake.answers["Summarize"] = SummarizeResponse(
        summary=Summary(batch_id="b", state_counts=[cleared]),
        failed_assertions=[FailedAssertion(assertion="error", message="1 of 1")],
    )
    ended = replayctl(fake.address, "enqueue", "--wait", capture)
    assert (ended.code, ended.stdout.splitlines()[-2:]) == (
        1,
        ["batch b: 1 cleared", "  error: 1 of 1"],
    )


def test_a_capture_of_which_nothing_is_accepted_is_an_error(fake: FakeDaemon, capture: str) -> None:
    none = EnqueueResponse(batch_id="n", refused_count=2)
    fake.enqueues.extend([none, ANSWER])
    ended = replayctl(fake.address, "enqueue", capture, capture)
    assert ended.code == 4
    assert len(ended.stdout.splitlines()) == 3, "the other capture is enqueued all the same"


def test_an_empty_capture_is_none(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(EnqueueResponse(batch_id="e"))
    assert replayctl(fake.address, "enqueue", capture).code == 0


@pytest.mark.parametrize(
    ("form", "code", "enqueued", "said"),
    [
        ("text", 0, 3, ""),
        # A program that is gone would never know its batches.
        ("json", 2, 1, "replayctl: nobody reads the output any more; not enqueued: {0}, {0}\n"),
    ],
)
def test_all_files_are_enqueued_though_nobody_reads_the_text(
    fake: FakeDaemon, capture: str, form: str, code: int, enqueued: int, said: str
) -> None:
    """As in `replayctl enqueue a b c | head -1`, whose reader left."""
    fake.enqueues.extend([ANSWER] * 3)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        arguments = ["--address", fake.address, "--output", form, "enqueue", *[capture] * 3]
        done = subprocess.run(
            [find("replayctl"), *arguments],
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
    assert (done.returncode, done.stderr.decode()) == (code, said.format(capture))
    assert 3 - len(fake.enqueues) == enqueued


def test_waiting_judges_though_nobody_reads_the_text(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(ANSWER)
    fake.watches.append([events()])
    failed = [FailedAssertion(assertion="error", message="1 of 1")]
    fake.answers["Summarize"] = SummarizeResponse(failed_assertions=failed)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        arguments = ["--address", fake.address, "enqueue", "--wait", capture]
        command = [find("replayctl"), *arguments]
        done = subprocess.run(command, stdout=stdout, timeout=DEADLINE, check=False)
    assert done.returncode == 1


def test_wait_has_a_bar_on_a_terminal(fake: FakeDaemon, capture: str) -> None:
    fake.enqueues.append(ANSWER)
    answered = events(1)
    answered.events[0].response.head.status_code = 200
    fake.watches.append([events(), answered])
    succeeded = StateCount(state=REPLAY_STATE_SUCCEEDED, replay_count=1)
    summary = Summary(batch_id="b", state_counts=[succeeded])
    fake.answers["Summarize"] = SummarizeResponse(summary=summary)
    shown = replayctl_on_terminal(fake.address, "enqueue", "--wait", capture)
    assert "100%" in shown
    assert "batch b: 1 succeeded" in shown


def test_a_large_upload_has_a_bar_on_a_terminal(fake: FakeDaemon, tmp_path: Path) -> None:
    large = tmp_path / "large.mitm"
    with large.open("wb") as file:
        file.truncate(9 << 20)
    fake.enqueues.append(ANSWER)
    shown = replayctl_on_terminal(fake.address, "enqueue", str(large))
    assert "large.mitm  [" in shown
    assert "100%" in shown


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--raw", []),
        ("--dry-run", []),
        ("--stream", ["replayctl: what was queued of {0} stays queued"]),
    ],
)
def test_ctrl_c_during_an_upload_says_only_what_stays(
    daemon: Daemon, tmp_path: Path, option: str, said: list[str]
) -> None:
    pipe = tmp_path / "slow.mitm"
    os.mkfifo(pipe)
    process = start_replayctl(daemon.address, "enqueue", option, str(pipe))
    try:
        with pipe.open("wb"):  # opens when the command has opened it too
            process.signal(signal.SIGINT)
        # CPython notices a signal that comes on the brink of a blocking read only after it: the
        # capture's end ends that. A second one would kill what is ending already.
        assert process.wait() == 130
    finally:
        process.close()
    assert (process.stdout, process.stderr) == ([], [line.format(pipe) for line in said])


def test_save_waits_and_exports(
    daemon: Daemon, target: Recorder, capture: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.gor"
    rule = ["--connect-to", f"http://={target.address}"]
    told = daemon.replayctl("enqueue", *rule, capture, "--save", str(out)).stdout.splitlines()
    assert told[-1].startswith(f"{out}: 3 replays of batch ")
    assert out.read_bytes().count(b"\n3 ") == 3


def test_save_saves_what_failed_too(daemon: Daemon, capture: str, tmp_path: Path) -> None:
    out = tmp_path / "out.mitm"
    nobody = ["--connect-to", "=127.0.0.1:9"]
    told = daemon.replayctl("enqueue", *nobody, capture, "--save", str(out), exit_code=1).stdout
    assert f"{out}: 3 replays of batch" in told
    assert b"CONNECT_FAILED" in out.read_bytes()


def test_who_may_not_save_is_told_before_anything_is_sent(
    fake: FakeDaemon, capture: str, tmp_path: Path
) -> None:
    fake.exports.append([Refuse(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")])
    out = str(tmp_path / "out.har")
    ended = replayctl(fake.address, "enqueue", "--save", out, capture)
    assert ended.code == 4
    assert "ROLE_MISSING" in ended.stderr
    assert fake.requests == [ExportRequest(batch_id="", format=CAPTURE_FORMAT_HAR)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.zip"], "the format to write is not known"),
        (["-"], "--save needs a file"),
        (["a.har", "CAPTURE"], "--save makes one capture of one batch"),
    ],
)
def test_save_wants_one_file_of_a_known_format(
    fake: FakeDaemon, capture: str, arguments: list[str], message: str
) -> None:
    out, *more = [capture if each == "CAPTURE" else each for each in arguments]
    ended = replayctl(fake.address, "enqueue", "--save", out, capture, *more)
    assert ended.code == 2
    assert message in ended.stderr
    assert fake.requests == []

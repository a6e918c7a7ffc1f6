"""Hooks of several languages at a real daemon: every replay ends once, as the policies say."""

import asyncio
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2, reason_pb2
from flowreplay.v1.flow_pb2 import Flow
from flowreplay_client import (
    Client,
    Hook,
    HookFlow,
    ReplaydClientError,
    Response,
    aio,
    connect,
    request_flow,
)

from tests.support.daemon import Daemon
from tests.support.hooking import start_node_hook, start_script
from tests.support.processes import DEADLINE, Process
from tests.support.recorder import Recorder

COUNT = 300
"""Flows; the hook is killed at the hundredth. 1,000 go as well, and take longer."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon("--ephemeral", "--concurrency", "32") as daemon:
        yield daemon


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with connect(daemon.address) as client:
        yield client


def run(client: Client, *flows: Flow) -> list[event_pb2.Event]:
    """Replays flows; returns all events of their batch."""
    batch = client.enqueue(list(flows))
    return [
        event
        for event in client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        if event.batch_id == batch.batch_id
    ]


def ends(events: list[event_pb2.Event]) -> list[event_pb2.Event]:
    found = [event for event in events if event.HasField("response") or event.HasField("error")]
    return sorted(found, key=lambda event: int(event.replay_id.split(".")[1]))


def get(server: Recorder, path: str = "") -> Flow:
    return request_flow("GET", f"http://{server.address}/{path}")


def test_two_languages_one_killed_and_one_silent_and_every_replay_ends_once(
    daemon: Daemon, client: Client, start_recorder: type[Recorder], tmp_path: Path
) -> None:
    """Two hooks in order, Python's first; a third is killed in the middle, a fourth never
    answers.
    """
    server = start_recorder()
    script = tmp_path / "first.py"
    script.write_text("def request(flow): flow.request.headers['X-First'] = str(flow.index)\n")
    doomed = tmp_path / "doomed.py"
    doomed.write_text(
        "import pathlib\n"
        "async def request(flow):\n"
        "    pathlib.Path(__file__).with_name('asked').touch()\n"
        "    if flow.index >= 100:\n"
        "        await __import__('asyncio').sleep(1000)\n"
    )
    processes = [start_node_hook(daemon), start_script(daemon, script, "--order", "1")]
    silent = Hook("silent", order=30, deadline=0.2)
    hold = threading.Event()
    silent.at("request", lambda _: hold.wait() and None)
    try:
        processes.append(start_script(daemon, doomed, "--order", "20", "--deadline", "60"))
        with client.hook(silent):
            killing = threading.Thread(target=_kill_once_asked, args=(processes[-1], client))
            killing.start()
            events = run(client, *(get(server, str(n)) for n in range(COUNT)))
            killing.join()
            hold.set()
    finally:
        hold.set()
        for process in processes:
            process.close()
    outcomes = ends(events)
    assert [event.replay_id.split(".")[1] for event in outcomes] == [str(n) for n in range(COUNT)]
    assert {event.response.head.status_code for event in outcomes} == {200}
    assert len(server.requests) == COUNT
    for request in server.requests:
        fields = dict(request.fields)
        assert fields[b"X-First"] == request.start_line.split()[1][1:]
        assert list(fields)[-2:] == [b"X-First", b"X-Node"], "in their order"
    noted = Counter(event.log.reason for event in events if event.HasField("log"))
    assert set(noted) == {reason_pb2.REASON_HOOK_GONE, reason_pb2.REASON_HOOK_LATE}
    assert 1 <= noted[reason_pb2.REASON_HOOK_GONE] <= 32


def _kill_once_asked(process: Process, client: Client) -> None:
    """Kills the hook once the queue waits for it alone."""
    with client.watch(start="now", kinds=["request"]) as watch:
        for event in watch:
            if event.request.plan.flow_index >= 99:
                break
    process.signal(signal.SIGKILL)


# What mitmproxy's client replay can do


def test_a_request_that_is_killed_is_not_sent(
    client: Client, start_recorder: type[Recorder]
) -> None:
    server, told = start_recorder(), []
    hook = Hook("killer")
    hook.at("request", lambda flow: flow.kill("not this one"))
    hook.at("error", lambda flow: told.append((flow.error.reason, flow.request.path)))
    with client.hook(hook):
        events = run(client, get(server, "killed"))
    (end,) = ends(events)
    assert end.error.state == event_pb2.REPLAY_STATE_KILLED
    assert end.error.reason == reason_pb2.REASON_HOOK_KILLED
    assert end.error.message == "the hook killer killed it: not this one"
    assert not any(event.HasField("request") for event in events)
    assert told == [("HOOK_KILLED", "/killed")]
    assert server.requests == []


def test_a_response_that_is_killed_was_sent(client: Client, start_recorder: type[Recorder]) -> None:
    server, told = start_recorder(), []
    hook = Hook("killer")
    hook.at("response", lambda flow: flow.kill())
    hook.at("error", lambda flow: told.append(flow.response.status_code))
    with client.hook(hook):
        (end,) = ends(run(client, get(server)))
    assert end.error.reason == reason_pb2.REASON_HOOK_KILLED
    assert (end.error.head.status_code, end.error.content) == (200, b"ok")
    assert told == [200]
    assert len(server.requests) == 1


def test_a_hook_answers_in_the_servers_place(
    client: Client, start_recorder: type[Recorder]
) -> None:
    server, seen = start_recorder(), []
    hook = Hook("teapot")

    @hook.request
    def answer(flow: HookFlow) -> None:
        flow.response = Response.make(418, "short and stout", {"X-Tea": "yes"})

    @hook.response
    def look(flow: HookFlow) -> None:
        assert flow.response is not None
        seen.append((flow.response.status_code, flow.response.text))

    with client.hook(hook):
        events = run(client, get(server))
    (end,) = ends(events)
    assert end.response.answering_hook == "teapot"
    head = end.response.head
    assert (head.http_version, head.status_code) == (b"HTTP/1.1", 418)
    assert [(field.name, field.value) for field in head.headers] == [
        (b"X-Tea", b"yes"),
        (b"Content-Length", b"15"),
    ]
    assert end.response.content == b"short and stout"
    assert not end.response.HasField("connection")
    assert not any(event.HasField("request") for event in events)
    assert seen == [(418, "short and stout")]
    assert server.requests == []


@pytest.mark.parametrize("policy", ["continue", "kill"])
def test_a_crash_inside_a_hook_is_its_own_affair(
    policy: str,
    client: Client,
    start_recorder: type[Recorder],
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = start_recorder()
    hook = Hook("crash", on_late=policy)

    @hook.request
    def crash(flow: HookFlow) -> None:
        flow.request.path = "/half done"
        raise LookupError("what a pity")

    with client.hook(hook):
        (end,) = ends(run(client, get(server, "as-it-was")))
    said = capsys.readouterr().err
    assert "LookupError: what a pity" in said
    assert "hook_run.py" not in said, "only the hook's own lines"
    if policy == "kill":
        assert end.error.message == "the hook crash killed it: LookupError in the hook"
        assert server.requests == []
    else:
        (request,) = server.requests
        assert request.start_line == b"GET /as-it-was HTTP/1.1"


# What it sends


def test_what_a_hook_changes_is_sent_byte_for_byte_and_named(
    client: Client, start_recorder: type[Recorder]
) -> None:
    server = start_recorder()
    hook = Hook("rewriter")

    @hook.request
    def rewrite(flow: HookFlow) -> None:
        flow.request.method = "PUT"
        flow.request.path = "/other?a=%00"
        flow.request.headers["x-one"] = "2"
        flow.request.headers.add("x-Two", b"\xff")
        flow.request.content = b"hello"

    with client.hook(hook):
        events = run(
            client,
            request_flow(
                "GET", f"http://{server.address}/", [("X-One", "1"), ("Q", "a"), ("Q", "b")]
            ),
        )
    (request,) = server.requests
    assert request.raw == (
        b"PUT /other?a=%%00 HTTP/1.1\r\nHost: %b\r\nX-One: 2\r\nQ: a\r\nQ: b\r\nx-Two: \xff\r\n"
        b"Content-Length: 5\r\n\r\nhello" % server.address.encode()
    )
    (sent,) = [event.request for event in events if event.HasField("request")]
    assert [change.description for change in sent.plan.changes] == [
        (
            "hook rewriter: method, path, x-one, x-two, content-length, "
            "content of 5 bytes in place of 0"
        )
    ]
    assert (sent.plan.method, sent.content) == (b"PUT", b"hello")
    (end,) = ends(events)
    assert end.response.head.status_code == 200


def test_contents_of_any_size_go_both_ways(client: Client, start_recorder: type[Recorder]) -> None:
    large, sizes = b"0123456789" * 300_000, []
    server = start_recorder(lambda exchange: exchange.reply(200, large))
    hook = Hook("large")

    @hook.request
    def grow(flow: HookFlow) -> None:
        sizes.append(len(flow.request.content))
        flow.request.content += b"!"

    @hook.response
    def shrink(flow: HookFlow) -> None:
        assert flow.response is not None
        sizes.append(len(flow.response.content))
        flow.response.content = flow.response.content[1:]

    with client.hook(hook):
        flow = request_flow("POST", f"http://{server.address}/", content=large)
        events = run(client, flow)
    (request,) = server.requests
    assert request.content == large + b"!"
    assert sizes == [len(large)] * 2
    (end,) = ends(events)
    assert end.response.content_size_bytes == len(large) - 1
    assert end.response.content.startswith(b"1234567890")
    assert end.response.changing_hooks == ["large"]
    kept = client.export(end.batch_id, "goreplay")
    assert large[1:] in b"".join(kept)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest", reason_pb2.REASON_TARGET_DENIED),
        ("http://other.test:99999/", reason_pb2.REASON_INVALID_TARGET),
    ],
)
def test_what_may_not_be_sent_is_not_sent_for_a_hook_either(
    url: str, reason: int, client: Client, start_recorder: type[Recorder]
) -> None:
    server = start_recorder()
    hook = Hook("elsewhere")

    @hook.request
    def aim(flow: HookFlow) -> None:
        host, _, path = url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        flow.request.host, flow.request.port = name, int(port or 80)
        flow.request.path = f"/{path}"

    with client.hook(hook):
        (end,) = ends(run(client, get(server)))
    assert end.error.state == event_pb2.REPLAY_STATE_FAILED
    assert end.error.reason == reason
    assert server.requests == []


def test_a_safe_request_is_not_made_an_unsafe_one_that_a_crash_would_repeat(
    client: Client, start_recorder: type[Recorder]
) -> None:
    server = start_recorder()
    hook = Hook("poster")

    @hook.request
    def post(flow: HookFlow) -> None:
        flow.request.method = "POST"

    with client.hook(hook):
        (end,) = ends(run(client, get(server)))
        assert end.error.reason == reason_pb2.REASON_HOOK_UNSAFE
        batch = client.enqueue([get(server)], on_interrupt="park")
        (_, *_) = client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
    (request,) = server.requests
    assert request.start_line == b"POST / HTTP/1.1"


def test_what_hooks_take_is_part_of_what_a_replay_takes(
    client: Client, start_recorder: type[Recorder]
) -> None:
    """And it comes before the connection, or after the first byte."""
    server, hook = start_recorder(), Hook("slow")
    taken: dict[str, float] = {}

    def wait(flow: HookFlow) -> None:
        begun = time.monotonic()
        threading.Event().wait(0.01)
        taken[flow.point] = time.monotonic() - begun

    hook.at("request", wait)
    hook.at("response", wait)
    with client.hook(hook):
        (end,) = ends(run(client, get(server)))
    connected, first, total = (
        getattr(end.response.timings, f"{name}_duration").ToNanoseconds() / 1e9
        for name in ("connected", "first_byte", "total")
    )
    assert connected >= taken["request"]
    assert total - first >= taken["response"]


def test_only_what_a_filter_matches_is_asked_about(
    client: Client, start_recorder: type[Recorder]
) -> None:
    server, asked = start_recorder(), []
    hook = Hook("picky", filter="~u /yes & !~c 404")
    for point in ("request", "response"):
        hook.at(point, lambda flow: asked.append((flow.point, flow.request.path)))
    with client.hook(hook):
        run(client, get(server, "yes"), get(server, "no"))
    assert asked == [("request", "/yes"), ("response", "/yes")]


# Stops and crashes


def test_what_a_hook_holds_survives_a_crash_and_is_sent_once(
    start_daemon: type[Daemon], start_recorder: type[Recorder]
) -> None:
    server, daemon = start_recorder(), start_daemon()
    held, dead = threading.Event(), threading.Event()
    hook = Hook("holder", deadline=600)

    @hook.request
    def hold(_: HookFlow) -> None:
        held.set()
        dead.wait(DEADLINE)

    with connect(daemon.address) as client:
        run_of_hook = client.hook(hook)
        threading.Thread(target=run_of_hook.serve, daemon=True).start()
        batch = client.enqueue([request_flow("POST", f"http://{server.address}/")])
        assert held.wait(DEADLINE)
        daemon.kill()
        dead.set()
        run_of_hook.close()
    daemon.restart()
    with connect(daemon.address) as client:
        watch = client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        (end,) = ends(list(watch))
    assert (end.response.head.status_code, end.attempt) == (200, 1)
    assert len(server.requests) == 1


def test_a_stop_lets_a_hook_answer(
    start_daemon: type[Daemon], start_recorder: type[Recorder]
) -> None:
    server, daemon = start_recorder(), start_daemon()
    held, stopping = threading.Event(), threading.Event()
    hook = Hook("slow", deadline=600)

    @hook.request
    def hold(_: HookFlow) -> None:
        held.set()
        stopping.wait(DEADLINE)

    with connect(daemon.address) as client:
        run_of_hook = client.hook(hook, on_interruption=lambda _: run_of_hook.close())
        with run_of_hook:
            batch = client.enqueue([request_flow("POST", f"http://{server.address}/")])
            assert held.wait(DEADLINE)
            daemon.process.signal(signal.SIGTERM)
            daemon.process.wait_for_output(lambda: "stopping;" in daemon.log, "stopping")
            stopping.set()
            assert daemon.process.wait() == 0
    assert len(server.requests) == 1
    daemon.restart()
    with connect(daemon.address) as client:
        watch = client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        (end,) = ends(list(watch))
    assert (end.response.head.status_code, end.attempt) == (200, 1)


def test_what_waits_for_a_hook_can_be_cancelled(
    daemon: Daemon, client: Client, start_recorder: type[Recorder]
) -> None:
    server = start_recorder()
    held, cancelled, told = threading.Event(), threading.Event(), threading.Event()
    hook = Hook("holder", deadline=600)

    @hook.request
    def hold(_: HookFlow) -> None:
        held.set()
        cancelled.wait(DEADLINE)

    @hook.error
    def tell(flow: HookFlow) -> None:
        assert flow.error is not None
        assert flow.error.reason == "CANCELLED"
        told.set()

    with client.hook(hook):
        batch = client.enqueue([get(server)])
        assert held.wait(DEADLINE)
        daemon.replayctl("cancel", f"{batch.batch_id}.0")
        watch = client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        (end,) = ends(list(watch))
        cancelled.set()
        assert told.wait(DEADLINE), "nobody has waited for it"
    assert end.error.reason == reason_pb2.REASON_CANCELLED
    assert server.requests == []


def test_functions_may_wait_for_others(daemon: Daemon, start_recorder: type[Recorder]) -> None:
    """Each waits for all others to be asked: they are asked at once."""
    server = start_recorder()
    hook, asked = Hook("together", on_late="kill"), asyncio.Barrier(8)

    @hook.request
    async def wait(flow: HookFlow) -> None:
        await asked.wait()
        flow.request.headers["X-Together"] = "yes"

    async def replay() -> list[event_pb2.Event]:
        async with aio.connect(daemon.address) as client, await client.hook(hook):
            batch = await client.enqueue([get(server) for _ in range(8)])
            watch = await client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
            return [event async for event in watch]

    outcomes = ends(asyncio.run(replay()))
    assert [event.response.head.status_code for event in outcomes] == [200] * 8
    assert all(request.field(b"X-Together") == b"yes" for request in server.requests)


def test_nothing_is_sent_while_a_required_hook_is_away(
    start_daemon: type[Daemon], start_recorder: type[Recorder]
) -> None:
    server, daemon = start_recorder(), start_daemon("--ephemeral", "--require-hook", "guard")
    guard, seen = Hook("guard", on_late="kill"), list[str]()
    guard.request(lambda flow: seen.append(flow.replay_id))
    careless = Hook("guard")
    careless.request(print)
    with connect(daemon.address) as client:
        with pytest.raises(ReplaydClientError, match="with the policy kill"):
            client.hook(careless)
        for number in range(2):
            batch = client.enqueue([get(server)])
            _until_taken(client)
            assert len(server.requests) == number
            with client.hook(guard):
                watch = client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
                (end,) = ends(list(watch))
            assert (end.response.head.status_code, seen[-1]) == (200, f"{batch.batch_id}.0")
            with client.watch(start=batch.cursor, kinds=["log"]) as notes:
                next(note for note in notes if "nothing is sent until" in note.log.message)
        held = client.enqueue([get(server)])
        _until_taken(client)
        client.cancel([f"{held.batch_id}.0"])
        watch = client.watch(start=held.cursor, batch_id=held.batch_id, until_idle=True)
        (end,) = ends(list(watch))
    assert end.error.reason == reason_pb2.REASON_CANCELLED
    assert len(server.requests) == 2


def test_a_stop_does_not_wait_for_a_required_hook(
    start_daemon: type[Daemon], start_recorder: type[Recorder], tmp_path: Path
) -> None:
    server, data = start_recorder(), ("--data-dir", str(tmp_path / "data"))
    daemon = start_daemon(*data, "--require-hook", "guard", "--drain-timeout", "1h")
    with connect(daemon.address) as client:
        batch = client.enqueue([get(server)])
        _until_taken(client)
        with client.watch(start="start", kinds=["log"]) as notes:
            assert "until these hooks are registered (--require-hook): guard" in next(
                note.log.message for note in notes if note.log.reason == reason_pb2.REASON_HOOK_NOTE
            )
    assert daemon.terminate() == 0
    assert server.requests == []
    daemon = start_daemon(*data)
    with connect(daemon.address) as client:
        watch = client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        (end,) = ends(list(watch))
    assert (end.attempt, len(server.requests)) == (1, 1)


def _until_taken(client: Client) -> None:
    """Waits for a replay to be taken off the queue."""
    until = time.monotonic() + DEADLINE
    while not client.count().running_count:
        assert time.monotonic() < until

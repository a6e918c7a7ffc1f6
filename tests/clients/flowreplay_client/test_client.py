import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2 as pb
from flowreplay.v1.event_pb2 import REPLAY_STATE_FAILED, RESOLUTION_DROP
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.history_pb2 import ListReplaysRequest, ListReplaysResponse, Replay
from flowreplay_client import Client, ReplaydClientError, Unreachable, connect, request_flow

from tests.support.daemon import Daemon
from tests.support.fake_daemon import STOPPING, FakeDaemon, Refuse
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder

CHUNK = 1 << 20
PAGES = [
    ListReplaysResponse(
        replays=[Replay(replay_id="b.0"), Replay(replay_id="b.1")], next_page_token="more"
    ),
    ListReplaysResponse(next_page_token="more"),
    ListReplaysResponse(replays=[Replay(replay_id="b.2")]),
]
ANSWER = pb.EnqueueResponse(batch_id="b", accepted_count=1)
BUSY = Refuse(grpc.StatusCode.ABORTED, "REQUEST_IN_PROGRESS")


def read_one_and_stop(messages: Iterator[pb.EnqueueRequest]) -> Refuse:
    """A daemon that stops once the capture has begun to come."""
    next(messages)
    next(messages)
    return STOPPING


def options_of(fake: FakeDaemon) -> list[pb.EnqueueOptions]:
    messages = [each for each in fake.requests if isinstance(each, pb.EnqueueRequest)]
    return [message.options for message in messages if message.HasField("options")]


def test_the_address_comes_from_the_environment(
    fake: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLAYD_ADDRESS", fake.address)
    fake.answers["Count"] = pb.CountResponse(queued_count=3)
    with connect() as client:
        assert client.address == fake.address
        assert client.count("b").queued_count == 3
    assert fake.requests == [pb.CountRequest(batch_id="b")]


def test_a_proxy_of_the_environment_is_not_used(
    start_recorder: type[Recorder], daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{start_recorder().address}")
    with (
        Daemon("--ephemeral", "--listen", "127.0.0.1:0") as tcp,
        connect(tcp.address, token_file=tcp.token_file) as client,
    ):
        assert client.status().journal == "memory"


def test_each_call_sends_its_request(client: Client, fake: FakeDaemon) -> None:
    answers = {
        "Clear": pb.ClearResponse(cleared_count=2),
        "Pause": pb.PauseResponse(changed=True),
        "Resume": pb.ResumeResponse(changed=True),
        "Resolve": pb.ResolveResponse(resolved_count=1),
        "GetStatus": pb.GetStatusResponse(version="1"),
    }
    fake.answers.update(answers)
    got = [client.clear("b"), client.pause(), client.resume(), client.resolve("drop", ["b.1"])]
    assert [*got, client.status()] == list(answers.values())
    assert fake.requests[0] == pb.ClearRequest(batch_id="b")
    assert fake.requests[3] == pb.ResolveRequest(replay_ids=["b.1"], resolution=RESOLUTION_DROP)


def test_replays_are_listed_page_by_page(client: Client, fake: FakeDaemon) -> None:
    fake.pages.extend(PAGES)
    found = client.replays(batch_id="b", states=["failed"], page_size=2)
    assert [next(found).replay_id, next(found).replay_id] == ["b.0", "b.1"]
    assert len(fake.requests) == 1, "no page is asked for that nobody reads"
    assert [replay.replay_id for replay in found] == ["b.2"]
    first = ListReplaysRequest(batch_id="b", states=[REPLAY_STATE_FAILED], page_size=2)
    second = ListReplaysRequest(page_token="more")
    second.MergeFrom(first)
    assert fake.requests == [first, second, second]


def test_a_daemon_that_says_nothing_is_late(fake: FakeDaemon) -> None:
    release = threading.Event()

    def wait(*_arguments: object) -> pb.CountResponse:
        release.wait(DEADLINE)
        return pb.CountResponse()

    fake.Count = wait  # type: ignore[method-assign]
    fake.stop()
    fake.start()
    with connect(fake.address, timeout=0.05) as client:
        with pytest.raises(Unreachable, match="did not answer in time"):
            client.count()
        release.set()


def test_a_broken_enqueue_is_repeated_whole_with_the_same_id(
    client: Client, fake: FakeDaemon
) -> None:
    fake.enqueues.extend([read_one_and_stop, STOPPING, BUSY, ANSWER])
    content = bytes(CHUNK + 1)
    assert client.enqueue_capture(content) == ANSWER
    first, *_ = options = options_of(fake)
    assert first.request_id
    assert options == [first] * len(options)
    chunks = [message.capture_chunk for message in fake.requests[-3:-1]]  # type: ignore[attr-defined]
    assert b"".join(chunks) == content


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.enqueue_capture(iter([b"a", b"b"])),
        lambda client: client.enqueue(request_flow("GET", "http://h/") for _ in range(2)),
    ],
)
def test_what_can_be_read_once_is_sent_once(
    client: Client, fake: FakeDaemon, send: Callable[[Client], object]
) -> None:
    fake.enqueues.extend([read_one_and_stop, ANSWER])
    with pytest.raises(Unreachable, match="may be queued or not"):
        send(client)
    assert list(fake.enqueues) == [ANSWER]


def test_typed_flows_in_a_list_are_repeated(client: Client, fake: FakeDaemon) -> None:
    fake.enqueues.extend([read_one_and_stop, ANSWER])
    flows = [request_flow("GET", "http://h/")]
    assert client.enqueue(flows, request_id="mine", label="l") == ANSWER
    options, batch, _ = fake.requests
    assert isinstance(options, pb.EnqueueRequest)
    assert (options.options.request_id, options.options.label) == ("mine", "l")
    assert isinstance(batch, pb.EnqueueRequest)
    assert list(batch.flow_batch.flows) == flows


def test_an_unreachable_daemon_is_not_waited_for(tmp_path: Path) -> None:
    with (
        connect(f"unix:{tmp_path}/none") as client,
        pytest.raises(Unreachable, match="can't reach"),
    ):
        client.enqueue_capture(b"x")


def test_an_error_of_the_source_reaches_the_caller_and_queues_nothing(
    start_daemon: type[Daemon], captures: Path
) -> None:
    whole = (captures / "mut-unknown-key.mitm").read_bytes()

    def broken() -> Iterator[bytes]:
        yield whole  # what has come could be taken for a capture
        raise OSError("disk")

    with connect(start_daemon("--ephemeral", "--paused").address) as client:
        with pytest.raises(OSError, match="disk"):
            client.enqueue_capture(broken())
        assert client.enqueue_capture(whole).accepted_count == client.count().queued_count


def test_the_daemon_may_refuse_before_it_has_read_everything(
    client: Client, fake: FakeDaemon
) -> None:
    refusal = Refuse(grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_FORMAT")
    fake.enqueues.append(refusal)
    fake.enqueues.append(lambda _messages: refusal)
    for _ in range(2):
        with pytest.raises(ReplaydClientError) as caught:
            client.enqueue_capture(bytes(16 * CHUNK))
        assert caught.value.reason == "UNKNOWN_FORMAT"


def test_settings_that_make_no_sense_send_nothing(client: Client, fake: FakeDaemon) -> None:
    with pytest.raises(ValueError, match="not a capture format"):
        client.enqueue_capture(b"", format="tar")
    with pytest.raises(ValueError, match="no '='"):
        client.enqueue([], connect_to=["h:1"])
    assert fake.requests == []


def test_a_capture_becomes_a_batch(daemon: Daemon, target: Recorder, captures: Path) -> None:
    path = captures / "mut-header-injection.mitm"
    reports: list[tuple[int, int | None]] = []
    with connect(daemon.address) as client, path.open("rb") as file:
        batches = [
            client.enqueue_capture(
                source,
                format="mitmproxy",
                connect_to=[f"={target.address}"],
                progress=lambda *report: reports.append(report),
            )
            for source in (path, file, path.read_bytes(), io.BytesIO(path.read_bytes()))
        ]
    assert [(each.accepted_count, each.refused_count) for each in batches] == [(2, 1)] * 4
    size = path.stat().st_size
    assert reports == [(size, size)] * 4


def test_the_same_request_id_queues_once(daemon: Daemon, captures: Path) -> None:
    path = captures / "mut-unknown-key.mitm"
    with connect(daemon.address) as client:
        first = client.enqueue_capture(path, request_id="once", connect_to=["=127.0.0.1:1"])
        again = client.enqueue_capture(path, request_id="once", connect_to=["=127.0.0.1:1"])
    assert (first.duplicate, again.duplicate) == (False, True)
    assert first.batch_id == again.batch_id


def test_large_typed_flows_arrive_whole(daemon: Daemon, start_recorder: type[Recorder]) -> None:
    target = start_recorder()
    url = f"http://{target.address}/"
    contents = [bytes([number]) * (3 * CHUNK + number) for number in range(2)]
    flows = [request_flow("POST", url, content=content, session_id="s") for content in contents]
    with connect(daemon.address) as client:
        batch = client.enqueue(flows)
        assert batch.accepted_count == 2
    assert [request.content for request in target.wait_for(2)] == contents


def test_a_daemon_that_dies_during_an_enqueue_queues_it_once(
    start_daemon: type[Daemon], captures: Path
) -> None:
    daemon = start_daemon("--paused")
    deaths: list[int] = []

    def die_once(sent: int, _total: int | None) -> None:
        # By the third chunk the first message has left for sure: two wait at most.
        if not deaths and sent == 3 * CHUNK:
            deaths.append(sent)
            daemon.kill()
            daemon.restart()

    content = (captures / "rec-basic.mitm").read_bytes() * 100
    with connect(daemon.address) as client:
        batch = client.enqueue_capture(content, progress=die_once)
        assert batch.accepted_count == client.count().queued_count == 2300
    assert deaths == [3 * CHUNK]


def test_a_stream_is_replayed_while_its_flows_are_made(
    daemon: Daemon, start_recorder: Callable[..., Recorder]
) -> None:
    target = start_recorder()

    def flows() -> Iterator[Flow]:
        for number in range(3):
            yield request_flow("GET", f"http://{target.address}/{number}")
            target.wait_for(number + 1)

    with connect(daemon.address) as client:
        answer = client.enqueue(flows(), stream=True)
        assert answer.accepted_count == 3
        assert client.count(answer.batch_id).open_batch_count == 0


def test_a_stream_that_broke_off_says_what_it_has_queued(daemon: Daemon) -> None:
    def broken() -> Iterator[Flow]:
        yield request_flow("GET", "http://127.0.0.1:9/")
        for _ in client.watch(start=before, kinds=["error"]):
            raise OSError("the source is gone")

    with connect(daemon.address) as client:
        before = client.count().cursor
        with pytest.raises(OSError, match="the source is gone"):
            client.enqueue(broken(), stream=True, request_id="broken")
        reason = ""
        while reason in ("", "REQUEST_IN_PROGRESS"):  # until the daemon has noticed
            with pytest.raises(ReplaydClientError) as caught:
                client.enqueue([], stream=True, request_id="broken")
            reason = caught.value.reason
        assert reason == "REQUEST_INCOMPLETE"
        said = caught.value.metadata
        assert (said["accepted_count"], said["last_index"]) == ("1", "0")

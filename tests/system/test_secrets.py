"""Canary secrets through a real daemon: they are found where they have to be, and nowhere else."""

import gzip
import re
import stat
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import grpc
from flowreplay.v1 import flow_pb2, history_pb2, history_pb2_grpc, replay_pb2
from flowreplay_client import Hook, HookFlow, connect, request_flow
from google.protobuf.message import Message

from tests.support.calls import enqueue, events
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.scripted_server import ScriptedServer, answers
from tests.support.websockets import WebSocketServer, echo, heard, said, typed, websocket_flow

SENT = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "api-key",
    "custom-field",
    "query",
    "referer-userinfo",
    "json",
    "form",
    "xml",
    "custom-key",
]
KEPT = ["comment", "recorded-cookie"]
CAME = ["set-cookie", "location", "info", "answer-json", "trailer", "phrase", "gzip", "session-id"]


def canary(name: str) -> str:
    return f"canary-{name}-0123456789"


CANARIES = [canary(name).encode() for name in (*SENT, *KEPT, *CAME)]


def flows(port: int) -> list[flow_pb2.Flow]:
    """Requests with a canary in every place that may hold a secret."""
    url = f"http://127.0.0.1:{port}"
    fields = (
        ("Authorization", f"Bearer {canary('authorization')}"),
        ("Proxy-Authorization", f"Basic {canary('proxy-authorization')}"),
        ("Cookie", f"a=b; sid={canary('cookie')}"),
        ("X-Api-Key", canary("api-key")),
        ("X-Mine", canary("custom-field")),
        ("Referer", f"https://u:{canary('referer-userinfo')}@h.test/"),
    )
    made = [request_flow("GET", f"{url}/?q=1&access_token={canary('query')}", fields)]
    for name, kind, content in (
        ("json", "application/json", f'{{"password": "{canary("json")}"}}'),
        ("form", "application/x-www-form-urlencoded", f"code={canary('form')}&x=1"),
        ("xml", "text/xml", f"<a><Secret>{canary('xml')}</Secret></a>"),
        ("custom-key", "application/json", f'{{"mine": "{canary("custom-key")}"}}'),
    ):
        headers = (("Content-Type", kind),)
        made.append(request_flow("POST", f"{url}/{name}", headers, content.encode()))
    made[0].comment = canary("comment")
    made[0].response.status_code = 200
    recorded = f"sid={canary('recorded-cookie')}".encode()
    made[0].response.headers.add(name=b"Set-Cookie", value=recorded)
    for flow in made:
        flow.session_id = "one"
    return made


def responses() -> list[bytes]:
    """Answers with a canary in every place that may hold one."""
    head = (
        f"HTTP/1.1 200 {canary('phrase')}\r\nSet-Cookie: sid={canary('set-cookie')}; Path=/\r\n"
        f"Location: /cb?code={canary('location')}\r\n"
        f"Authentication-Info: {canary('info')}\r\nX-Session-Id: {canary('session-id')}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Token\r\n\r\n"
    )
    content = f'{{"access_token":"{canary("answer-json")}"}}'
    rest = f"{len(content):x}\r\n{content}\r\n0\r\nX-Token: {canary('trailer')}\r\n\r\n"
    packed = gzip.compress(canary("gzip").encode())
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    encoded = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n" % len(packed)
    )
    return [(head + rest).encode(), encoded + packed, plain, plain, plain]


def found(data: bytes) -> list[bytes]:
    """The canaries in some bytes; those of a packed content when the bytes can be unpacked."""
    hidden = gzip.compress(canary("gzip").encode())[10:-8] in data
    return [each for each in CANARIES if each in data] + [b"packed"] * hidden


def stored(data: Path, *tables: str) -> bytes:
    """Everything in some tables of a daemon that has ended."""
    connection = apsw.Connection(str(data / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    finally:
        connection.close()
    values = [value for row in rows for value in row]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


def test_canaries_are_found_in_what_is_kept_for_replays_alone(
    start_daemon: Callable[..., Daemon],
) -> None:
    daemon = start_daemon(
        *("--log-level", "debug", "--redact-header", "x-mine", "--redact-parameter", "mine")
    )
    data, stub = daemon.folder / "data", daemon.stub()
    with ScriptedServer(answers(*responses())) as server:
        answer = enqueue(stub, flows(server.port))
        logged = events(stub)
        sent = b"".join(server.requests)
    assert {canary(name).encode() for name in SENT} == set(found(sent))

    # What anybody may read.
    shown = b"".join(event.SerializeToString() for event in logged)
    assert [event.WhichOneof("payload") for event in logged].count("response") == 5
    assert found(shown) == []
    status = stub.GetStatus(replay_pb2.GetStatusRequest(), timeout=DEADLINE)
    listing = history_pb2_grpc.HistoryServiceStub(grpc.insecure_channel(daemon.address))
    listed = listing.ListReplays(history_pb2.ListReplaysRequest(), timeout=DEADLINE)
    text = daemon.replayctl("watch", "--from", "start", "--until-idle", "--bodies").stdout
    told = (status.SerializeToString(), listed.SerializeToString(), text.encode())
    assert found(b"".join(told)) == []

    # What whoever has the role may.
    revealed = events(stub, reveal_secrets=True)
    seen = set(found(b"".join(event.SerializeToString() for event in revealed)))
    kept = {canary(name).encode() for name in ("comment", "recorded-cookie", "gzip")}
    assert set(CANARIES) - kept <= seen
    assert b"packed" in seen
    exported = daemon.replayctl("export", answer.batch_id, "-", "--format", "mitmproxy").stdout
    assert set(CANARIES) - {canary("gzip").encode()} <= set(found(exported.encode()))

    # Where it lies.
    assert daemon.terminate() == 0
    assert found(daemon.log.encode()) == []
    for path in data.rglob("*"):
        if path.is_symlink():
            continue  # It has no mode of its own.
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert found(stored(data, "event", "shown", "meta", "batch", "answered")) == []
    lies = stored(data, "prepared", "replay", "withheld")
    assert set(CANARIES) - {canary("gzip").encode()} <= set(found(lies))

    # Once it has gone, in no byte of any file.
    daemon.options += ["--retention-age", "1ms"]
    daemon.restart()
    # Told once what it held is gone as well.
    daemon.process.wait_for_output(lambda: "and 1 batches" in daemon.log, "removal")
    assert daemon.terminate() == 0
    for path in data.rglob("*"):
        if path.is_file():
            assert found(path.read_bytes()) == [], path


SAID = [canary("websocket-said").encode(), canary("websocket-binary").encode()]
TOKEN = canary("token-of-a-caller")


def test_canaries_of_conversations_tokens_and_keys(
    start_daemon: Callable[..., Daemon], authority: Authority, tmp_path: Path
) -> None:
    chain, key = authority.files("127.0.0.1")
    tokens, mine = tmp_path / "tokens", tmp_path / "mine"
    for file, text in ((tokens, f"ops all {TOKEN}\n"), (mine, TOKEN)):
        file.write_text(text)
        file.chmod(0o600)
    daemon = start_daemon(
        *("--log-level", "debug", "--listen", "127.0.0.1:0"),
        *("--tls-cert", str(chain), "--tls-key", str(key), "--token-file", str(tokens)),
    )
    with (
        WebSocketServer(echo) as server,
        connect(daemon.address, token_file=mine, ca_file=authority.ca_file) as client,
    ):
        text = f'{{"password": "{SAID[0].decode()}"}}'
        messages = said(text), heard(text), said(SAID[1]), heard(SAID[1])
        batch = client.enqueue([typed(websocket_flow(server.port, *messages))])
        logged = list(client.watch(start=batch.cursor, until_idle=True))
        revealed = list(client.watch(start=batch.cursor, until_idle=True, secrets=True))
        (visit,) = server.wait_for_ends(1)
        told = str(client.status()).encode()
    assert visit.messages == [text, SAID[1]]
    assert logged[-1].response.websocket.received_count == 2
    told += b"".join(event.SerializeToString() for event in logged)
    assert [each for each in SAID if each in told] == []
    shown = b"".join(event.SerializeToString() for event in revealed)
    assert [each for each in SAID if each in shown] == SAID
    process = Path(f"/proc/{daemon.process.pid}")
    told += b"".join((process / name).read_bytes() for name in ("cmdline", "environ"))

    assert daemon.terminate() == 0
    told += daemon.log.encode() + "\n".join(daemon.process.stdout).encode()
    assert [each for each in SAID if each in told] == []
    data = daemon.folder / "data"
    tables = stored(data, "event", "shown", "meta", "batch", "answered")
    assert [each for each in SAID if each in tables] == []
    kept = stored(data, "prepared", "replay", "withheld")
    assert [each for each in SAID if each in kept] == SAID
    lines = key.read_bytes().splitlines()[1:-1]
    files = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    for secret in (TOKEN.encode(), *lines, b64decode(b"".join(lines))):
        assert secret not in told + files


def made_up(name: str) -> str:
    return canary(f"made-{name}")


MADE_UP = re.compile(rb"canary-made-([a-z-]+)-0")


def answer(name: str) -> bytes:
    content = f'{{"token": "{made_up(f"{name}-json")}", "text": "{name}"}}'
    return (
        f"HTTP/1.1 200 OK\r\nSet-Cookie: sid={made_up(f'{name}-cookie')}\r\n"
        f"X-Auth-Token: {made_up(f'{name}-field')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n{content}"
    ).encode()


def recorded(port: int) -> flow_pb2.Flow:
    """A flow with canaries in its request, and others in its response."""
    url = f"http://127.0.0.1:{port}/?token={made_up('query')}"
    flow = request_flow("GET", url, (("Cookie", f"sid={made_up('was-cookie')}"),))
    flow.session_id = "one"
    flow.response.status_code = 200
    flow.response.content = f'{{"token": "{made_up("was-json")}"}}'.encode()
    for name, value in (
        ("Content-Type", "application/json"),
        ("Set-Cookie", f"sid={made_up('was-cookie')}"),
        ("X-Auth-Token", made_up("was-field")),
    ):
        flow.response.headers.add(name=name.encode(), value=value.encode())
    return flow


def guard() -> Hook:
    """A hook that puts canaries wherever it may."""
    hook = Hook("guard", on_late="kill")

    @hook.request
    def change(flow: HookFlow) -> None:
        flow.request.headers["Authorization"] = f"Bearer {made_up('hook')}"
        if flow.index == 2:
            flow.kill(f"it has password={made_up('kill')}")

    @hook.response
    def tell(flow: HookFlow) -> None:
        assert flow.response is not None
        flow.response.headers.add("Set-Cookie", f"by={made_up('hook-cookie')}")

    return hook


def test_canaries_of_what_changes_compares_and_quotes_requests(
    start_daemon: Callable[..., Daemon],
) -> None:
    """By rules of the batch, live values and a hook; and in each call that tells of the past."""
    daemon = start_daemon("--ephemeral", "--log-level", "debug")
    damaged = f"HTTP/1.1 200 OK\r\nCookie: a={made_up('head')}\r\nbad\x00\r\n\r\n".encode()
    with (
        ScriptedServer(answers(answer("one"), damaged)) as server,
        connect(daemon.address) as client,
    ):
        flows = [recorded(server.port) for _ in range(3)]
        rules: dict[str, Any] = {
            "set_cookies": [f"other={made_up('rule-cookie')}"],
            "set_headers": [f"X-Api-Key: {made_up('rule-field')}"],
            "set_query": [f"access_token={made_up('rule-query')}"],
            "sticky_cookies": True,
            "carry": ["json:$.token"],
        }
        told: list[Message] = []
        with client.hook(guard()):
            batch = client.enqueue(flows, **rules)
            told += client.watch(start=batch.cursor, until_idle=True)
        told += client.replays()
        told += client.batches()
        told += [client.status(), client.summarize(batch.batch_id, ["error", "diff"])]
        with client.diff(batch.batch_id, compare_volatile=True) as diffs:
            told += diffs
        for index in range(3):
            contents = ["request", "recorded", "response"]
            with client.replay(f"{batch.batch_id}.{index}", contents) as kept:
                told += [kept.details, *kept]
        revealed = list(client.watch(start=batch.cursor, until_idle=True, secrets=True))
        sent = b"".join(server.requests)
    shown = b"".join(each.SerializeToString() for each in told)
    assert MADE_UP.findall(shown + daemon.log.encode()) == []
    sends = {b"query", b"rule-cookie", b"rule-field", b"rule-query", b"hook", b"one-cookie"}
    assert sends <= set(MADE_UP.findall(sent))
    seen = b"".join(each.SerializeToString() for each in revealed)
    assert {b"one-json", b"one-field", b"hook-cookie"} <= set(MADE_UP.findall(seen))
    kinds = {type(each).__name__ for each in told}
    assert kinds >= {"Event", "Replay", "Batch", "ReplayDiff", "ContentPiece"}

"""Programs of others: mitmproxy as upstream, nginx with TLS, grpcurl and buf as clients."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flowreplay.v1 import event_pb2, replay_pb2
from google.protobuf import json_format

from tests.support.calls import connect_to, enqueue, events, flow, outcomes
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.nginx import free_port, run_nginx
from tests.support.processes import DEADLINE, Process
from tests.support.programs import find
from tests.support.recorder import Recorder
from tests.support.websockets import (
    DEFLATE,
    WebSocketServer,
    echo,
    heard,
    said,
    typed,
    websocket_flow,
)


@pytest.fixture
def nginx(tmp_path: Path, authority: Authority) -> Iterator[int]:
    """nginx with TLS for `nginx.test`; its port."""
    says = 'return 200 "nginx says $request_method $request_uri $ssl_server_name";'
    with run_nginx(tmp_path, authority, f"location / {{ {says} }}") as port:
        yield port


@pytest.fixture(params=["http", "socks5"])
def mitmdump(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority
) -> Iterator[tuple[str, Path, Process]]:
    """mitmdump as a proxy: its URL, its own CA file, and the process, which logs flows."""
    port = free_port()
    mode = {"http": "regular", "socks5": "socks5"}[request.param]
    process = Process(
        [
            *(find("mitmdump"), "--listen-host", "127.0.0.1", "--listen-port", str(port)),
            *("--mode", mode, "--set", "proxyauth=user:word"),
            *("--set", f"confdir={tmp_path}", "--set", "flow_detail=1"),
            *("--set", f"ssl_verify_upstream_trusted_ca={authority.ca_file}"),
        ],
        # It does not flush its lines into a pipe by itself.
        environment={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        process.wait_for_output(
            lambda: any("listening at" in line for line in process.stdout), "listening line"
        )
        url = f"{request.param}://user:word@127.0.0.1:{port}"
        yield url, tmp_path / "mitmproxy-ca-cert.pem", process
    finally:
        process.close()


def test_nginx_answers_over_verified_tls(
    start_daemon: Callable[..., Daemon], nginx: int, authority: Authority
) -> None:
    daemon = start_daemon("--ephemeral", "--ca-file", str(authority.ca_file))
    stub = daemon.stub()
    flows = [flow("https://nginx.test/a?b=c"), flow("https://nginx.test/post", method=b"POST")]
    enqueue(stub, flows, connect_to=[connect_to("https", nginx)])
    found = [events[0].response for events in outcomes(events(stub)).values()]
    assert [response.content for response in found] == [
        b"nginx says GET /a?b=c nginx.test",
        b"nginx says POST /post nginx.test",
    ]
    assert found[0].connection.tls_version.startswith("TLSv1.")
    assert found[0].connection.server_name == "nginx.test"
    assert not found[0].connection.reused


def test_an_untrusted_certificate_is_refused(
    start_daemon: Callable[..., Daemon], nginx: int
) -> None:
    daemon = start_daemon("--ephemeral")
    stub = daemon.stub()
    enqueue(stub, [flow("https://nginx.test/")], connect_to=[connect_to("https", nginx)])
    (found,) = outcomes(events(stub)).values()
    assert found[0].error.reason == 24, "CERTIFICATE_INVALID"
    assert "--ca-file" in found[0].error.message


def test_mitmproxy_as_upstream_sees_http_and_https(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    mitmdump: tuple[str, Path, Process],
    authority: Authority,
) -> None:
    upstream, ca_file, process = mitmdump
    plain = start_recorder()
    secure = start_recorder(tls=authority.server_context("localhost"))
    daemon = start_daemon(*("--ephemeral", "--upstream", upstream, "--ca-file", str(ca_file)))
    stub = daemon.stub()
    urls = [f"http://{plain.address}/plain?x", f"https://localhost:{secure.port}/secure?y"]
    enqueue(stub, [flow(url) for url in urls])
    found = [events[0].response for events in outcomes(events(stub)).values()]
    assert [response.head.status_code for response in found] == [200, 200]
    assert all(response.connection.proxied for response in found)
    assert plain.requests[0].start_line == b"GET /plain?x HTTP/1.1"
    assert secure.requests[0].start_line == b"GET /secure?y HTTP/1.1"
    assert secure.requests[0].server_name == "localhost"
    for url in urls:
        process.wait_for_output(lambda u=url: any(f"GET {u}" in x for x in process.stdout), url)


def test_mitmproxy_as_upstream_passes_a_websocket_on(
    start_daemon: Callable[..., Daemon], mitmdump: tuple[str, Path, Process]
) -> None:
    upstream, _, _ = mitmdump
    daemon = start_daemon("--ephemeral", "--upstream", upstream)
    stub = daemon.stub()
    with WebSocketServer(echo, compression="deflate") as server:
        messages = (said("hello"), heard("hello"), said(b"\0" * 70_000), heard(b"\0" * 70_000))
        enqueue(stub, [typed(websocket_flow(server.port, *messages, offer=DEFLATE))])
        (found,) = outcomes(events(stub)).values()
        (visit,) = server.wait_for_ends(1)
    assert visit.messages == ["hello", b"\0" * 70_000]
    assert found[0].response.websocket.received_count == 2
    assert found[0].response.connection.proxied


SERVICE = "flowreplay.v1.ReplayService"
CALLS: dict[str, list[dict[str, object]]] = {
    "Enqueue": [{"options": {"label": "by hand"}}, {"flowBatch": {}}],
    "PlanFlows": [{"options": {}, "contentLimitBytes": 10}, {"flowBatch": {}}],
    "Count": [{}],
    "Pause": [{}],
    "Resume": [{}],
    "Clear": [{}],
    "GetStatus": [{}],
    "WatchEvents": [{"position": "START_POSITION_START", "untilIdle": True}],
}
"""Every method that asks for no replay or batch of somebody's, with messages to send it."""


def run(*command: str | Path, stdin: str = "") -> str:
    """Runs a program to its end and returns what it printed."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done
    return done.stdout


def messages(method: str, printed: str) -> list[Any]:
    """The answers of a method, from JSON messages one after the other.

    Names are as in the .proto files with grpcurl and in lowerCamelCase with buf.
    """
    decoder, found, at = json.JSONDecoder(), [], 0
    while printed[at:].strip():
        at += len(printed[at:]) - len(printed[at:].lstrip())
        message, at = decoder.raw_decode(printed, at)
        found.append(json_format.ParseDict(message, getattr(replay_pb2, f"{method}Response")()))
    return found


def check_answers(answers: dict[str, list[Any]]) -> None:
    """What the calls above answer on a fresh daemon."""
    assert answers["Enqueue"][0].batch_id
    assert answers["PlanFlows"][-1].HasField("summary")
    assert answers["Pause"][0].changed
    assert answers["Resume"][0].changed
    assert answers["GetStatus"][0].version
    updates = [e.update.kind for m in answers["WatchEvents"] for e in m.events if e.update.kind]
    assert updates[-2:] == [event_pb2.UPDATE_KIND_PAUSED, event_pb2.UPDATE_KIND_RESUMED]
    assert all(answer[-1].cursor for answer in answers.values())


@pytest.fixture
def tcp(start_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon on TCP."""
    return start_daemon("--ephemeral", "--listen", "127.0.0.1:0")


def bearer(daemon: Daemon) -> list[str]:
    """The option of grpcurl and buf that shows the daemon's token."""
    return ["-H", f"authorization: Bearer {daemon.token_file.read_text().strip()}"]


def test_grpcurl_is_a_full_client_by_reflection(tcp: Daemon) -> None:
    grpcurl, address = [find("grpcurl"), "-plaintext", *bearer(tcp)], tcp.address
    listed = run(*grpcurl, address, "list").split()
    assert {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"} <= set(
        listed
    )
    methods = {name.rpartition(".")[2] for name in run(*grpcurl, address, "list", SERVICE).split()}
    assert methods == set(replay_pb2.DESCRIPTOR.services_by_name["ReplayService"].methods_by_name)
    answers = {}
    for method, sent in CALLS.items():
        stdin = "\n".join(map(json.dumps, sent))
        printed = run(*grpcurl, "-d", "@", address, f"{SERVICE}/{method}", stdin=stdin)
        answers[method] = messages(method, printed)
    check_answers(answers)
    health = run(*grpcurl, address, "grpc.health.v1.Health/Check")
    assert json.loads(health) == {"status": "SERVING"}


def test_buf_curl_is_a_full_client_by_reflection(tcp: Daemon) -> None:
    buf = [find("buf"), "curl", "--protocol", "grpc", "--http2-prior-knowledge", *bearer(tcp)]
    # It asks for what there is before it calls.
    buf += ["--reflect-header", bearer(tcp)[1]]
    listed = run(*buf, f"http://{tcp.address}", "--list-methods").split()
    assert {f"{SERVICE}/{method}" for method in CALLS} <= set(listed)
    answers = {}
    for method, sent in CALLS.items():
        stdin = "\n".join(map(json.dumps, sent))
        printed = run(*buf, "-d", "@-", f"http://{tcp.address}/{SERVICE}/{method}", stdin=stdin)
        answers[method] = messages(method, printed)
    check_answers(answers)

"""WebSocket flows of real captures: every message arrives, in its order, at a server that
plays the recorded one's part; and what was said then is in the exports.
"""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flowreplay.v1 import replay_pb2

from replayd.model.flow import Flow, FlowKind
from replayd.planning.websocket import lacking
from tests.support.calls import connect_to, enqueue_capture, events, payload
from tests.support.captures import FOLDER, flows_of
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.har_schema import check_har
from tests.support.websocket_actor import Actor, spoken
from tests.support.websockets import WebSocketServer
from tests.system.test_export import read_by_mitmproxy

CAPTURES = [
    "rec-ws.mitm",
    "rec-ws-node.mitm",
    "rec-chromium.mitm",
    "rec-mitmproxy-4.0.4-mixb.mitm",
    "rec-mitmproxy-7.0.4-mixb.mitm",
    "rec-mitmproxy-10.4.2-mixb.mitm",
    "mitmproxy-websocket.mitm",
    "mitmproxy-dumpfile-7-websocket.mitm",
    "har/rec-ws.har",
    "har/rec-playwright-pw.har",
    "har/mitmproxy-websocket.har",
]


class Stage:
    """A daemon, and two servers with one actor."""

    def __init__(self, authority: Authority) -> None:
        self._stack = ExitStack()
        start = self._stack.enter_context
        self.actor = Actor()
        self.plain = start(WebSocketServer(self.actor, compression="deflate"))
        tls = authority.server_context("any.test")
        self.secure = start(WebSocketServer(self.actor, tls=tls, compression="deflate"))
        self.daemon = start(Daemon("--ephemeral", "--insecure", "--concurrency", "4"))

    def replay(self, capture: bytes) -> tuple[replay_pb2.EnqueueResponse, list[Any]]:
        """Replays the WebSockets of a capture; what else it has goes where it fails."""
        stub = self.daemon.stub()
        rules = [connect_to("http", self.plain.port), connect_to("https", self.secure.port)]
        receipt = enqueue_capture(stub, capture, connect_to=rules)
        return receipt, events(stub, receipt.cursor, batch_id=receipt.batch_id)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def stage(authority: Authority) -> Iterator[Stage]:
    stage = Stage(authority)
    yield stage
    stage.close()


def conversations(capture: bytes) -> dict[int, Flow]:
    """The WebSocket flows that can be replayed, by index."""
    flows = enumerate(flows_of(io.BytesIO(capture)))
    return {i: f for i, f in flows if f.kind is FlowKind.WEBSOCKET and lacking(f) is None}


@pytest.mark.parametrize("name", CAPTURES)
def test_every_message_arrives_in_its_order(stage: Stage, name: str) -> None:
    capture = (FOLDER / name).read_bytes()
    captured = conversations(capture)
    assert captured
    stage.actor.expect(captured)
    _, seen = stage.replay(capture)
    ended = {e.response.flow_index: e.response for e in seen if payload(e) == "response"}
    for index, flow in captured.items():
        assert flow.websocket is not None
        messages = flow.websocket.messages
        assert stage.actor.visits[index].messages == [
            spoken(each) for each in messages if each.replayed
        ]
        told = ended[index].websocket
        assert told.sent_count == sum(each.replayed for each in messages)
        assert told.received_count == sum(each.awaited for each in messages)
        assert told.client_closed is (flow.websocket.client_closed is not False)
        assert ended[index].head.status_code == 101


def test_a_close_is_as_captured(stage: Stage) -> None:
    capture = (FOLDER / "rec-ws-node.mitm").read_bytes()
    captured = conversations(capture)
    stage.actor.expect(captured)
    _, seen = stage.replay(capture)
    stage.plain.wait_for_ends(len(stage.plain.visits))
    visits = [stage.actor.visits[index] for index in captured]
    assert [(visit.close_code, visit.close_reason) for visit in visits] == [
        (3001, "done here"),
        (4002, "as you wish"),
        (1001, "going away"),
        (1000, ""),
    ]
    closes = {e.response.flow_index: e.response.websocket for e in seen if payload(e) == "response"}
    assert [(closes[i].close_code, closes[i].close_reason) for i in (1, 2)] == [
        (4002, "as you wish"),
        (1001, "going away"),
    ]


def test_what_was_said_is_exported(stage: Stage, tmp_path: Path) -> None:
    capture = (FOLDER / "rec-ws-node.mitm").read_bytes()
    stage.actor.expect(conversations(capture))
    captured = list(conversations(capture).values())
    receipt, _ = stage.replay(capture)
    outs = {suffix: tmp_path / f"out.{suffix}" for suffix in ("mitm", "har", "gor")}
    for out in outs.values():
        stage.daemon.replayctl("export", receipt.batch_id, str(out))

    (dump,) = read_by_mitmproxy(tmp_path, outs["mitm"])
    for flow, seen in zip(captured, dump, strict=True):
        assert flow.websocket is not None
        assert [seen["status"], seen["replayed"]] == [101, "request"]
        replayed = [each for each in flow.websocket.messages if each.replayed or each.awaited]
        assert seen["websocket"]["messages"] == listed(replayed)
        assert seen["reverted"]["websocket"]["messages"] == listed(flow.websocket.messages)

    har = json.loads(outs["har"].read_bytes())
    check_har(har)
    again = flows_of(io.BytesIO(outs["har"].read_bytes()))
    for flow, found in zip(captured, again, strict=True):
        assert lacking(found) is None
        assert flow.websocket is not None
        assert found.websocket is not None
        sent = [each.content for each in flow.websocket.messages if each.replayed]
        assert [each.content for each in found.websocket.messages if each.from_client] == sent

    handshakes = flows_of(io.BytesIO(outs["gor"].read_bytes()))
    assert [flow.kind for flow in handshakes] == [FlowKind.WEBSOCKET] * 4
    assert all(flow.websocket is None for flow in handshakes)


def listed(messages: Any) -> list[Any]:
    """Messages as mitmproxy's witness tells them."""
    return [
        [int(each.kind), each.from_client, each.content.decode("latin-1"), each.dropped]
        for each in messages
    ]


def test_a_dry_run_shows_what_would_be_said(stage: Stage) -> None:
    done = stage.daemon.replayctl("enqueue", str(FOLDER / "rec-ws-node.mitm"), "--dry-run")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert 'then 5 WebSocket messages, 8 awaited, then we close with 3001 "done here"' in lines
    assert "<- text 7 B  welcome" in lines
    assert "-> text 6 B (dropped)  secret" in lines
    assert "-> binary 4 B  00 01 02 ff" in lines
    assert "-> text 23 B (injected)  injected for the server" in lines


def test_they_can_be_refused(stage: Stage) -> None:
    path = str(FOLDER / "rec-ws-node.mitm")
    done = stage.daemon.replayctl("enqueue", path, "--refuse-websocket", exit_code=4)
    assert "0 accepted, 4 refused" in done.stdout
    assert "WEBSOCKET_FLOW: the call asked to refuse WebSocket flows" in done.stdout

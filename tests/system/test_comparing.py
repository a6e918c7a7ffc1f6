"""A capture whose server changed two answers: exactly those are named, by what changed."""

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import brotli
import pytest
from flowreplay.v1 import comparison_pb2, event_pb2, flow_pb2
from flowreplay_client import Client, connect, request_flow

from tests.support.daemon import Daemon
from tests.support.recorder import Exchange, Recorder

FLOWS = 20
CHANGED = {7: ["$.items[1].price"], 13: ["$.items[0]", "$.token"]}


def shop(index: int) -> dict[str, Any]:
    """What the capture has of an answer; its ids and times are new each time."""
    return {
        "index": index,
        "order": str(uuid.uuid4()),
        "updated_at": 1_700_000_000 + uuid.uuid4().int % 10**8,
        "items": [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}],
    }


def answer(exchange: Exchange) -> None:
    """What the server answers now: two answers changed, and the coding of most did."""
    index = int(exchange.request.start_line.split()[1].rpartition(b"/")[2])
    if index == 0:
        exchange.reply(200, b"the same bytes", (b"Content-Type", b"text/plain"))
        return
    value = shop(index)
    if index == 7:
        value["items"][1]["price"] = 3
    if index == 13:
        value["items"].insert(0, {"sku": "new", "price": 1})
        value["token"] = uuid.uuid4().hex
    content, fields = json.dumps(value, indent=1).encode(), [(b"Content-Type", b"application/json")]
    if index % 3 == 0:
        content = gzip.compress(content)
        fields.append((b"Content-Encoding", b"gzip"))
    elif index % 3 == 1:
        content = brotli.compress(content)
        fields.append((b"Content-Encoding", b"br"))
    exchange.reply(200, content, *fields, (b"X-Request-Id", uuid.uuid4().hex.encode()))


def captured(port: int) -> list[flow_pb2.Flow]:
    flows = []
    for index in range(FLOWS):
        flow = request_flow("GET", f"http://127.0.0.1:{port}/{index}", session_id="s")
        flow.response.status_code = 200
        kind = b"text/plain" if index == 0 else b"application/json"
        flow.response.headers.add(name=b"content-type", value=kind)
        flow.response.headers.add(name=b"Date", value=b"Mon, 23 Nov 2026 16:00:00 GMT")
        content = b"the same bytes" if index == 0 else json.dumps(shop(index)).encode()
        flow.response.content = content
        flows.append(flow)
    return flows


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon("--ephemeral") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def client(daemon: Daemon) -> Iterator[Client]:
    with connect(daemon.address) as client:
        yield client


@pytest.fixture(scope="module")
def shop_now() -> Iterator[Recorder]:
    with Recorder(answer) as recorder:
        yield recorder


def replayed(client: Client, flows: list[flow_pb2.Flow], **options: Any) -> list[event_pb2.Event]:
    batch = client.enqueue(flows, **options)
    return [
        event
        for event in client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        if event.HasField("response")
    ]


def places(comparison: comparison_pb2.Comparison) -> list[str]:
    return [difference.place for difference in comparison.differences]


def test_what_changed_is_named_and_nothing_else(
    daemon: Daemon, client: Client, shop_now: Recorder
) -> None:
    events = replayed(client, captured(shop_now.port))
    told = {
        event.response.flow_index: places(event.response.comparison)
        for event in events
        if event.response.comparison.result != comparison_pb2.COMPARISON_RESULT_EQUAL
    }
    assert told == CHANGED
    assert events[0].response.comparison.ignored_count == 0
    batch_id = events[0].batch_id
    with client.diff(batch_id) as diffs:
        assert {diff.flow_index: places(diff.comparison) for diff in diffs} == CHANGED
    assert (diffs.compared_count, diffs.different_count) == (FLOWS, 2)
    shown = daemon.replayctl("diff", batch_id, "--exit-code", exit_code=1).stdout
    assert [line for line in shown.splitlines() if line.startswith("  @")] == [
        f"  @ {place}" for each in CHANGED.values() for place in each
    ]
    summary = daemon.replayctl("summary", batch_id, "--fail-on", "diff>5%", exit_code=1).stdout
    assert "  beside the recorded responses: 18 equal, 2 different\n" in summary
    assert f"  diff>5%: 2 of 20 (10 %) ({batch_id}.7)\n" in summary
    left_out = [f"--ignore=json:{rule}" for rule in ("$.items", "$.token")]
    daemon.replayctl("diff", batch_id, "--exit-code", *left_out)


def test_secrets_are_for_those_who_may_see_them(client: Client, shop_now: Recorder) -> None:
    (flow,) = captured(shop_now.port)[13:14]
    batch = client.enqueue([flow])
    shown = []
    for reveal in (False, True):
        watch = client.watch(
            start=batch.cursor, batch_id=batch.batch_id, until_idle=True, secrets=reveal
        )
        (event,) = (event for event in watch if event.HasField("response"))
        shown.append(event.response.comparison.differences[1].replayed_value)
    assert b"redacted 34B" in shown[0]
    assert len(shown[1]) == 34


def test_what_varies_is_learnt_by_sending_once_more(client: Client, shop_now: Recorder) -> None:
    shop_now.requests.clear()
    events = replayed(client, captured(shop_now.port), learn_noise=True)
    found = {
        event.response.flow_index: event.response.comparison
        for event in events
        if event.response.comparison.sent_twice
    }
    assert {index: places(each) for index, each in found.items()} == {
        7: ["$.items[1].price"],
        13: ["$.items[0]"],
    }
    assert list(found[13].learnt_rules) == ["json:$.token"]
    assert len(shop_now.requests) == FLOWS + 2


def test_it_can_be_done_without(daemon: Daemon, client: Client, shop_now: Recorder) -> None:
    (event,) = replayed(client, captured(shop_now.port)[7:8], compare=False)
    assert not event.response.HasField("comparison")
    # And be asked for later.
    daemon.replayctl("diff", event.batch_id, "--exit-code", exit_code=1)


def test_a_large_content_is_compared_by_its_bytes(client: Client) -> None:
    large = b"x" * (3 << 20)
    with Recorder(lambda exchange: exchange.reply(200, large)) as recorder:
        flow = request_flow("GET", f"http://{recorder.address}/")
        flow.response.status_code = 200
        results = []
        for content in (large, large[:-1] + b"y"):
            flow.response.content = content
            (event,) = replayed(client, [flow])
            results.append(event.response.comparison.result)
    assert results == [
        comparison_pb2.COMPARISON_RESULT_EQUAL,
        comparison_pb2.COMPARISON_RESULT_DIFFERENT,
    ]

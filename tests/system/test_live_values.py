"""A session that was captured at one server is replayed at another, whose cookies, tokens and
numbers are others.
"""

from collections.abc import Callable, Iterator

import pytest
from flowreplay.v1 import plan_pb2, replay_pb2

from tests.support.calls import connect_to, enqueue, events, outcomes, payload, wait_for
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.shop import SOURCES, Shop, shop_session

LIVE = {"sticky_cookies": True, "carry": SOURCES}


@pytest.fixture
def shops() -> Iterator[tuple[Shop, Shop]]:
    with Shop("recorded") as recorded, Shop("replayed") as replayed:
        yield recorded, replayed


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon("--ephemeral", "--concurrency", "8") as daemon:
        yield daemon


def statuses(daemon: Daemon, cursor: str) -> list[int]:
    ended = outcomes(events(daemon.stub(), cursor))
    return [ended[replay_id][0].response.head.status_code for replay_id in sorted(ended)]


def test_a_session_works_at_another_server(daemon: Daemon, shops: tuple[Shop, Shop]) -> None:
    recorded, replayed = shops
    flows = shop_session(recorded.port)
    there = [connect_to("http", replayed.port)]
    batch = enqueue(daemon.stub(), flows, connect_to=there, **LIVE)
    assert statuses(daemon, batch.cursor) == [200] * 6
    assert not set(recorded.tokens) & set(replayed.tokens)


def test_each_run_of_a_batch_logs_in_anew(daemon: Daemon, shops: tuple[Shop, Shop]) -> None:
    recorded, replayed = shops
    flows = shop_session(recorded.port)
    there = [connect_to("http", replayed.port)]
    batch = enqueue(daemon.stub(), flows, connect_to=there, repeat_count=2, **LIVE)
    assert statuses(daemon, batch.cursor) == [200] * 12
    assert len(set(replayed.tokens)) == 4


@pytest.mark.parametrize("left_out", ["sticky_cookies", "carry", *SOURCES])
def test_and_not_without_any_of_it(daemon: Daemon, shops: tuple[Shop, Shop], left_out: str) -> None:
    recorded, replayed = shops
    wanted: dict[str, object] = {name: value for name, value in LIVE.items() if name != left_out}
    if "carry" in wanted:
        wanted["carry"] = [source for source in SOURCES if source != left_out]
    there = [connect_to("http", replayed.port)]
    batch = enqueue(daemon.stub(), shop_session(recorded.port), connect_to=there, **wanted)
    assert 401 in statuses(daemon, batch.cursor)


def test_events_name_what_was_replaced_and_show_no_value(
    daemon: Daemon, shops: tuple[Shop, Shop]
) -> None:
    recorded, replayed = shops
    there = [connect_to("http", replayed.port)]
    batch = enqueue(daemon.stub(), shop_session(recorded.port), connect_to=there, **LIVE)
    seen = events(daemon.stub(), batch.cursor, batch_id=batch.batch_id)
    requests = [event.request.plan for event in seen if payload(event) == "request"]
    kinds = [{change.kind for change in plan.changes} for plan in requests]
    carried, sticky = plan_pb2.CHANGE_KIND_VALUE_CARRIED, plan_pb2.CHANGE_KIND_STICKY_COOKIE
    assert [(carried in each, sticky in each) for each in kinds] == [
        (False, False),
        *[(True, True)] * 5,
    ]
    assert all(b"X-Odd-CASE:  as captured\r\n" in plan.head for plan in requests)
    shown = b"".join(event.SerializeToString() for event in seen)
    for token in (*recorded.tokens, *replayed.tokens):
        assert token.encode() not in shown
    revealed = events(daemon.stub(), batch.cursor, batch_id=batch.batch_id, reveal_secrets=True)
    values = [value for event in revealed for value in event.response.live_values]
    tokens = [value for value in values if value.source == "json:$.token"]
    assert [value.value.decode() for value in tokens] == replayed.tokens
    assert [value.recorded_value.decode() for value in tokens] == recorded.tokens


def test_it_goes_on_after_a_kill(
    start_daemon: Callable[..., Daemon], shops: tuple[Shop, Shop]
) -> None:
    recorded, replayed = shops
    flows = shop_session(recorded.port)
    daemon = start_daemon()
    replayed.hold = "/users"
    there = [connect_to("http", replayed.port)]
    batch = enqueue(daemon.stub(), flows, connect_to=there, **LIVE)
    assert replayed.held.wait(DEADLINE)
    wait_for(daemon.stub(), "response", 2)
    daemon.kill()
    replayed.release.set()
    daemon.restart()
    assert statuses(daemon, batch.cursor) == [200] * 6
    assert [path for _, path in replayed.seen].count("/login") == 2, "nothing was sent twice"
    counted = daemon.stub().Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    assert counted.succeeded_count == 6

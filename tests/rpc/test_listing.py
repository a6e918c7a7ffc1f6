"""Pages of ListReplays."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import event_pb2, history_pb2, history_pb2_grpc, reason_pb2

from replayd.codec.event import interrupted_event, with_sequence
from replayd.codec.plan import encode_plan
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Listed, Past, Place
from replayd.journal.memory import open_memory
from replayd.model.replay import ReplayKey, ReplayState, Resolution
from replayd.reasons import Reason
from replayd.rpc import listing
from replayd.rpc.listing import Listing, replay_message
from replayd.rpc.shown import Shown
from tests.rpc.harness import DEADLINE, ends_with, serving
from tests.rpc.messages import flows
from tests.support.journals import NOW, enqueue, plan, row, run

Request = history_pb2.ListReplaysRequest


@pytest.fixture
def journal() -> Iterator[Journal]:
    journal = open_memory(NOW)
    enqueue(journal, "b1", [row(index) for index in range(4)])
    enqueue(journal, "b2", [row(0)])
    run(journal)
    yield journal
    journal.close()


def pages(journal: Journal, **asked: object) -> list[list[str]]:
    """The ids on each page."""
    found, token, more = [], "", True
    while more:
        one = Listing(journal, Shown(journal), Request(**asked, page_token=token))
        found.append([replay.replay_id for replay in one.page()])
        token = one.next_page_token
        more = bool(token)
    return found


def test_a_list_comes_in_pages(journal: Journal) -> None:
    everything = ["b1.0", "b1.1", "b1.2", "b1.3", "b2.0"]
    assert pages(journal) == [everything]
    assert pages(journal, page_size=2) == [everything[:2], everything[2:4], everything[4:]]
    queued = [event_pb2.REPLAY_STATE_QUEUED]
    assert pages(journal, batch_id="b1", states=queued) == [everything[1:4]]
    assert pages(journal, parked=True) == [[]]


def test_a_large_page_is_short(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PAGE_BYTES", 1)
    monkeypatch.setattr("replayd.journal.history._STEP_BYTES", 1)
    assert [len(page) for page in pages(journal)] == [1, 1, 1, 1, 1, 0]


def test_a_long_search_goes_on_with_the_next_page(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE_SECONDS", -1.0)
    one = Listing(journal, Shown(journal), Request())
    assert one.page() == []
    assert one.next_page_token


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_size": 1001}, "page_size"),
        ({"states": [0]}, "states"),
        ({"states": [3, 99]}, "states"),
        ({"page_token": "AAAA"}, "page_token"),
    ],
)
def test_what_makes_no_sense_is_refused(
    journal: Journal, asked: dict[str, object], field: str
) -> None:
    with pytest.raises(ReplaydError) as caught:
        Listing(journal, Shown(journal), Request(**asked))
    assert (caught.value.reason, caught.value.metadata) == (
        Reason.INVALID_OPTIONS,
        {"field": field},
    )


def test_a_token_is_for_the_same_request(journal: Journal) -> None:
    one = Listing(journal, Shown(journal), Request(page_size=1))
    one.page()
    Listing(journal, Shown(journal), Request(page_size=5, page_token=one.next_page_token))
    with pytest.raises(ReplaydError, match="of a request for other replays"):
        Listing(journal, Shown(journal), Request(parked=True, page_token=one.next_page_token))
    with pytest.raises(ReplaydError, match="of a request for other replays"):
        Listing(journal, Shown(journal), Request(filter="~q", page_token=one.next_page_token))


def test_a_message_has_what_is_known() -> None:
    key = ReplayKey("b", 0, 4)
    encoded = encode_plan(plan(4, idempotent=False)._replace(flow_id="f", recorded_status_code=201))
    event = interrupted_event(key, 1, encoded, ReplayState.INTERRUPTED, NOW, poison=False)
    past = Past(
        key,
        ReplayState.INTERRUPTED,
        1,
        encoded,
        b"",
        b"",
        b"",
        b"",
        with_sequence(7, event.body),
        Resolution.RESEND,
        "again",
    )
    shown = Shown(open_memory(NOW))
    message = replay_message(past, shown)
    assert (message.replay_id, message.batch_id, message.flow_index) == ("b.4", "b", 4)
    assert (message.flow_id, message.recorded_status_code) == ("f", 201)
    assert (message.method, message.url) == (b"POST", b"http://a.test/4")
    assert message.state == event_pb2.REPLAY_STATE_INTERRUPTED
    assert (message.attempt, message.reason) == (1, reason_pb2.REASON_INTERRUPTED)
    assert "may have been sent" in message.message
    assert (message.end_time.ToNanoseconds(), message.end_sequence) == (NOW, 7)
    assert message.resolution == event_pb2.RESOLUTION_RESEND
    assert message.resent_replay_id == "again.4"
    bare = past._replace(event=b"", resolution=None, resent_as="", state=ReplayState.QUEUED)
    assert not replay_message(bare, shown).HasField("end_time")
    assert replay_message(bare, shown).resent_replay_id == ""


def test_the_call_answers_and_refuses(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as served, asyncio.timeout(DEADLINE):
            batch = (await served.stub.Enqueue(iter([flows(2)]))).batch_id
            served.replay()
            history = history_pb2_grpc.HistoryServiceStub(served.channel)
            page = await history.ListReplays(Request(batch_id=batch))
            assert [(each.state, each.status_code) for each in page.replays] == [(3, 200), (1, 0)]
            assert (page.next_page_token, bool(page.cursor)) == ("", True)
            with ends_with(grpc.StatusCode.NOT_FOUND, Reason.BATCH_NOT_FOUND):
                await history.ListReplays(Request(batch_id="nope"))
            await served.server.begin_stop()
            with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
                await history.ListReplays(Request())

    asyncio.run(test())


def test_steps_that_find_nothing_are_gone_over(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter([Listed((), Place(2), more=True), Listed((), Place(3), more=False)])

    class Nothing:
        def replays(self, *_: object) -> Listed:
            return next(steps)

    one = Listing(Nothing(), Shown(open_memory(NOW)), Request())  # type: ignore[arg-type]
    assert one.page() == []
    assert one.next_page_token == ""

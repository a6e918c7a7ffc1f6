"""A batch as a capture, on every store."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from replayd.codec.event import outcome_event
from replayd.codec.flow import encode_flow, request_content
from replayd.codec.plan import encode_plan
from replayd.codec.websocket import encode_conversation
from replayd.errors import ReplaydError
from replayd.formats import Format
from replayd.formats.writers import WRITERS, Writer
from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from replayd.model.flow import Flow
from replayd.model.replay import ReplayState, Row
from replayd.model.replayed import Replayed
from replayd.reasons import Reason
from replayd.rpc.export import CHUNK, Export
from tests.support.captures import flows_of
from tests.support.har_schema import check_har
from tests.support.journals import NOW, enqueue, trim
from tests.support.replayed import (
    HEAD,
    PLAN,
    RECORDED,
    REQUEST,
    SAID_AGAIN,
    captured,
    conversed,
    failed,
    succeeded,
)


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    memory = request.param == "memory"
    opened = open_memory(NOW) if memory else open_sqlite(tmp_path / "data", NOW)
    yield opened
    opened.close()


def queue(journal: Journal, flows: Iterable[Flow]) -> None:
    """Queues flows as the batch `b1`."""
    rows = []
    for index, flow in enumerate(flows):
        assert flow.request is not None
        request = request_content(flow)
        recorded = (flow.response.content if flow.response else None) or b""
        plan = encode_plan(PLAN._replace(flow_index=index))
        rows.append(Row(index, f"s{index}", True, plan, encode_flow(flow), request, recorded))
    enqueue(journal, "b1", rows)


def end(journal: Journal, *ends: Replayed) -> None:
    """Lets the next replays end as these did."""
    for ended in ends:
        (replay,) = journal.take(1, NOW)
        journal.begin([replay])
        body = journal.new_body()
        if not ended.error:
            body.write(encode_conversation(ended.messages) or ended.content)
        event = outcome_event(replay, PLAN, ended.outcome, NOW)
        journal.finish(replay.key, ended.outcome, [event], body)
    journal.commit()


def exported(journal: Journal, format: Format) -> tuple[bytes, Export]:  # noqa: A002
    export = Export(journal, "b1", WRITERS[format])
    return b"".join(export.chunks()), export


def test_everything_comes_back(journal: Journal) -> None:
    flows = [captured(flow_id=f"f{index}") for index in range(3)]
    flows[1] = flows[1]._replace(response=RECORDED._replace(content=None))
    queue(journal, flows)
    end(journal, succeeded(), failed(head=HEAD, content_prefix=b"half", content_size=9))
    end(journal, succeeded(content=b""))
    capture, export = exported(journal, Format.MITMPROXY)
    found = flows_of(io.BytesIO(capture))
    assert [flow.flow_id for flow in found] == ["f0", "f1", "f2"]
    assert [flow.response.content for flow in found if flow.response] == [b"new", b"half", b""]
    assert [bool(flow.error) for flow in found] == [False, True, False]
    assert (export.exported, export.left_out) == (3, 0)
    # What was recorded is in the backups, also that one content was not.
    assert (capture.count(b"7:content;3:old,"), capture.count(b"7:content;0:~")) == (2, 1)


def test_a_conversation_comes_back(journal: Journal) -> None:
    replayed = conversed()
    failed = replace(
        replayed.outcome, state=ReplayState.FAILED, reason=Reason.CLOSED_EARLY, message="gone"
    )
    queue(journal, [replayed.flow] * 2)
    end(journal, replayed, replace(replayed, outcome=failed))
    capture, _ = exported(journal, Format.MITMPROXY)
    whole, broken = flows_of(io.BytesIO(capture))
    assert whole.response is not None
    assert whole.response.content == b""
    assert whole.websocket is not None
    assert whole.websocket.messages == SAID_AGAIN
    # Of a replay that failed there is what its event has.
    assert broken.websocket is not None
    assert broken.websocket.messages == SAID_AGAIN[:1]
    assert broken.error is not None


@pytest.mark.parametrize("format", WRITERS)
def test_what_has_not_ended_by_itself_is_left_out(journal: Journal, format: Format) -> None:  # noqa: A002
    queue(journal, [captured(flow_id=f"f{index}") for index in range(5)])
    end(journal, succeeded())
    (running,) = journal.take(1, NOW)
    journal.clear("b1", NOW)
    capture, export = exported(journal, format)
    assert len(flows_of(io.BytesIO(capture))) == 1
    assert (export.exported, export.left_out) == (1, 4)
    assert running.key.flow_index == 1


@pytest.mark.parametrize("format", WRITERS)
def test_many_pages(journal: Journal, format: Format) -> None:  # noqa: A002
    queue(journal, [captured(REQUEST._replace(path=b"/%d" % index)) for index in range(150)])
    end(journal, *[succeeded()] * 150)
    capture, export = exported(journal, format)
    if format is Format.HAR:
        check_har(json.loads(capture))
    assert len(flows_of(io.BytesIO(capture))) == export.exported == 150


def test_large_contents_travel_in_chunks(journal: Journal) -> None:
    content = bytes(range(256)) * 12_000
    queue(journal, [captured(REQUEST._replace(content=content))])
    end(journal, succeeded(content=content))
    chunks = list(Export(journal, "b1", WRITERS[Format.MITMPROXY]).chunks())
    assert [len(chunk) for chunk in chunks[:-1]] == [CHUNK] * (len(chunks) - 1)
    assert 0 < len(chunks[-1]) <= CHUNK
    (flow,) = flows_of(io.BytesIO(b"".join(chunks)))
    assert flow.request is not None
    assert flow.response is not None
    assert flow.request.content == flow.response.content == content


def test_an_empty_batch(journal: Journal) -> None:
    queue(journal, [])
    assert exported(journal, Format.MITMPROXY)[0] == exported(journal, Format.GOREPLAY)[0] == b""
    check_har(json.loads(exported(journal, Format.HAR)[0]))


def test_what_a_format_can_not_hold_is_left_out(journal: Journal) -> None:
    queue(journal, [captured()] * 3)
    end(journal, *[succeeded()] * 3)
    odd = iter([(), (b"one",), ()])
    export = Export(journal, "b1", Writer(lambda _: next(odd), b"<", b",", b">"))
    assert list(export.chunks()) == [b"<one>"]
    assert (export.exported, export.left_out) == (1, 2)


def test_an_event_that_is_gone_ends_the_export(journal: Journal) -> None:
    queue(journal, [captured(), captured()])
    end(journal, succeeded(), succeeded())
    trim(journal, journal.latest)
    with pytest.raises(ReplaydError) as caught:
        exported(journal, Format.HAR)
    assert caught.value.reason is Reason.SEQUENCE_COMPACTED
    assert caught.value.metadata == {"replay_id": "b1.0"}

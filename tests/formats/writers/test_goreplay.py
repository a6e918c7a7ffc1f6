"""Records of GoReplay, and what its reader makes of them."""

import io
from dataclasses import replace

import pytest

from replayd.formats.writers.goreplay import write
from replayd.model.flow import Flow
from replayd.model.outcome import Timings
from replayd.model.plan import Framing, WebSocketPlan
from replayd.model.replayed import Replayed
from tests.support.captures import flows_of
from tests.support.replayed import (
    HEAD,
    HTTP2_PLAN,
    PLAN,
    RECORDED,
    REQUEST,
    START,
    captured,
    conversed,
    failed,
    succeeded,
)

SEPARATOR = "\n🐵🙈🙉\n".encode()
MS = 1_000_000


def records(replayed: Replayed) -> list[tuple[list[str], bytes]]:
    written = b"".join(write(replayed))
    *found, rest = written.split(SEPARATOR)
    assert rest == b""
    parts = [record.partition(b"\n") for record in found]
    return [(meta.decode().split(" "), payload) for meta, _, payload in parts]


def test_request_recorded_and_replayed_response() -> None:
    request, recorded, replayed = records(succeeded())
    identity = request[0][1]
    assert request[0] == ["1", identity, str(START), str(6 * MS)]
    assert request[1] == PLAN.head + b"abc"
    assert recorded[0] == ["2", identity, str(START + 500 * MS), str(500 * MS)]
    assert recorded[1] == b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nold"
    assert replayed[0] == ["3", identity, str(START), str(20 * MS)]
    assert replayed[1] == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nnew"


def test_over_http2_the_request_has_the_form_of_http1() -> None:
    replayed = succeeded(plan=HTTP2_PLAN, head=HEAD._replace(http_version=b"HTTP/2.0"))
    assert records(replayed)[0][1] == PLAN.head + b"abc"


def test_ids_tell_sessions_and_flows_and_stay() -> None:
    def identity(session: str, index: int) -> str:
        one = succeeded(captured(session_id=session))
        return records(replace(one, key=one.key._replace(flow_index=index)))[0][0][1]

    assert identity("a", 1) == identity("a", 1)
    assert identity("a", 1)[:16] == identity("a", 2)[:16] != identity("b", 1)[:16]
    assert identity("a", 1) != identity("a", 2)
    assert identity("1f90c3507f000001", 10) == "1f90c3507f0000010000000a"
    assert len(identity("", 0)) == 24


@pytest.mark.parametrize(
    ("flow_id", "session", "kept"),
    [
        ("1f90c3507f000001deadbeef", "1f90c3507f000001", True),
        ("59075b1912ac049cdd1d9e8a16adb4495d358e1e", "file", True),
        # Others use as many digits for something else.
        ("65a1b2c3d4e5f60718293a4b", "", False),
        ("59075b1912ac049cdd1d9e8a16adb4495d358e1e", "a", False),
        ("e66e672f-0b38-4f4a-8df9-3a83a6c7d2b5", "file", False),
    ],
)
def test_goreplay_s_own_ids_are_kept(flow_id: str, session: str, *, kept: bool) -> None:
    written = records(succeeded(captured(flow_id=flow_id, session_id=session)))
    assert [meta[1] == flow_id for meta, _ in written] == [kept] * 3


@pytest.mark.parametrize("response", [None, RECORDED._replace(content=None)])
def test_what_was_not_recorded_has_no_record(response: None) -> None:
    assert [meta[0] for meta, _ in records(succeeded(captured(response=response)))] == ["1", "3"]


def test_what_is_not_complete_has_no_record() -> None:
    broken = failed(head=HEAD, content_prefix=b"half", content_size=9)
    assert [meta[0] for meta, _ in records(broken)] == ["1", "2"]


def test_times_that_are_not_known_are_the_replay_s() -> None:
    flow = captured(
        REQUEST._replace(start_time=None), RECORDED._replace(start_time=None, end_time=None)
    )
    metas = [meta[2:] for meta, _ in records(succeeded(flow, timings=Timings(START)))]
    assert metas == [[str(START), "0"]] * 3


def test_messages_are_framed_as_their_fields_say() -> None:
    chunked = ((b"Transfer-Encoding", b"gzip, chunked"), (b":status", b"200"))
    head = HEAD._replace(http_version=b"HTTP/2.0", headers=chunked)
    plan = PLAN._replace(framing=Framing.CHUNKED, trailer_section=b"A: b\r\n")
    request, _, response = records(
        succeeded(plan=plan, head=head, content=b"x" * 17, trailers=((b"T", b"u"),))
    )
    assert request[1].endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n")
    assert response[1] == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        b"11\r\n" + b"x" * 17 + b"\r\n0\r\nT: u\r\n\r\n"
    )
    assert records(succeeded(head=head, content=b""))[2][1].endswith(b"\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("content", [SEPARATOR, b"x" + SEPARATOR[:-1], b"x" + SEPARATOR + b"y"])
def test_a_content_with_the_separator_can_not_be_held(content: bytes) -> None:
    assert list(write(succeeded(content=content))) == []
    recorded = RECORDED._replace(content=content)
    assert list(write(succeeded(captured(response=recorded)))) == []


def test_it_is_read_back() -> None:
    written = b"".join(write(succeeded())) + b"".join(write(failed()))
    one, two = flows_of(io.BytesIO(written))
    for flow in (one, two):
        assert flow.request is not None
        assert (flow.request.headers, flow.request.content) == (REQUEST.headers, b"abc")
        assert flow.response is not None
        assert flow.response.content == b"old"
    assert isinstance(one, Flow)
    assert one.session_id == two.session_id


def test_a_websocket_has_its_handshake_alone() -> None:
    plan = PLAN._replace(framing=Framing.NONE, content_size=0, websocket=WebSocketPlan(1, 2))
    replayed = replace(conversed(), plan=plan)
    assert [payload for _, payload in records(replayed)][::2] == [
        PLAN.head,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    ]

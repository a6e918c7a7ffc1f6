"""mitmproxy's dumps: real ones as the witness saw them, damaged and made-up ones."""

import hashlib
import io
from typing import Any

import pytest
from hypothesis import given, settings

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format, read_capture
from replayd.formats.tnetstring import Records
from replayd.model.flow import (
    CaptureNote,
    DamagedFlow,
    Flow,
    FlowKind,
    Headers,
    Request,
    Response,
    WebSocket,
)
from replayd.reasons import Reason
from tests.support.captures import CAPTURES, READABLE, Capture, Dribble, flows_of, notes_of
from tests.support.improvements import IMPROVEMENTS
from tests.support.old_states import messages_of_7, of_0_11, of_7, python2, switched
from tests.support.raw_captures import damaged
from tests.support.tnetstring import connection, dumps, request, response, state


def latin(fields: list[list[str]] | None) -> Headers:
    encoded = [[part.encode("latin-1") for part in field] for field in fields or []]
    return tuple((name, value) for name, value in encoded)


def body(content: bytes | None) -> list[Any] | None:
    return None if content is None else [len(content), hashlib.sha256(content).hexdigest()]


def compare(message: Request | Response, seen: dict[str, Any]) -> None:
    """Compares what requests and responses share."""
    assert message.http_version.decode("latin-1") == seen["http_version"]
    assert message.headers == latin(seen["headers"])
    assert message.trailers == latin(seen["trailers"])
    assert body(message.content) == seen["body"]
    assert [message.start_time, message.end_time] == seen["times"]


def compare_request(found: Request, seen: dict[str, Any]) -> None:
    for name in ("method", "scheme", "authority", "path"):
        assert getattr(found, name).decode("latin-1") == seen[name]
    assert (found.host, found.port) == (seen["host"], seen["port"])
    compare(found, seen)


def said(websocket: WebSocket | None) -> dict[str, Any] | None:
    """What was said on a WebSocket, as the witness has it."""
    if websocket is None:
        return None
    return {
        "messages": [
            [
                int(each.kind),
                each.from_client,
                *(body(each.content) or ()),
                each.time,
                each.dropped,
                each.injected,
            ]
            for each in websocket.messages
        ],
        "closed_by_client": websocket.client_closed,
        "close_code": websocket.close_code,
        "close_reason": websocket.close_reason,
        "timestamp_end": websocket.end_time,
    }


@pytest.mark.parametrize("capture", READABLE.values(), ids=READABLE)
def test_a_real_dump_reads_as_the_witness_saw_it(capture: Capture) -> None:
    flows = flows_of(io.BytesIO(capture.data))
    for flow, seen in zip(flows, capture.flows, strict=True):
        assert (flow.flow_id, flow.mark, flow.comment) == (
            seen["id"],
            seen["marked"],
            seen["comment"],
        )
        assert flow.intercepted == seen["intercepted"]
        assert not flow.live
        error = flow.error and {"msg": flow.error.message, "timestamp": flow.error.time}
        assert error == seen["error"]
        assert flow.server_name == (seen["server_name"] or "")
        kind = FlowKind[seen["type"].upper()]
        if seen["refused"] == "Can't replay WebSocket flows." or seen.get("websocket"):
            kind = FlowKind.WEBSOCKET
        assert flow.kind is kind
        assert said(flow.websocket) == seen.get("websocket")
        assert (flow.request is None) == (seen.get("request") is None)
        if flow.request is not None:
            compare_request(flow.request, seen["request"])
        assert (flow.response is None) == (seen.get("response") is None)
        if flow.response is not None:
            seen_response = seen["response"]
            assert flow.response.status_code == seen_response["status"]
            assert flow.response.reason_phrase.decode("latin-1") == seen_response["reason"]
            compare(flow.response, seen_response)
    notes = [note.message for note in notes_of(io.BytesIO(capture.data))]
    assert notes == NOTES.get(capture.name, [])


NOTES = {
    "mitmproxy-dumpfile-7-websocket": [
        "the handshake of these WebSocket messages is flow 0's",
        "the handshake of these WebSocket messages is flow 3's",
    ],
    "rec-mitmproxy-4.0.4-mixb": [
        "the handshake of these WebSocket messages is flow 12's",
        "the handshake of these WebSocket messages is flow 14's",
    ],
}
"""What is noted of real dumps."""


def test_the_readable_dumps_are_many() -> None:
    assert len(READABLE) >= 43
    versions = {version for dump in READABLE.values() for version in dump.witness["versions"]}
    old = {"0.11.3", "0.12", "0.13", "0.15", "0.18.2", "1.0.2", "2.0.2"}
    assert versions == old | {7, 8, 9, 10, 11, 14, 15, 17, 18, 20, 21}


def test_every_improvement_is_of_a_flow_there_is() -> None:
    for name, index in IMPROVEMENTS:
        assert READABLE[name].flows[index] != READABLE[name].witness["flows"][index]


@pytest.mark.parametrize("name", ["rec-odd", "rec-mitmproxy-9.0.1-mixa", "rec-ws"])
def test_pieces_do_not_matter(name: str) -> None:
    data = CAPTURES[name].data
    assert flows_of(Dribble(data)) == flows_of(io.BytesIO(data))


def test_flows_of_one_connection_are_one_session() -> None:
    flows = flows_of(io.BytesIO(CAPTURES["rec-h2"].data))
    assert all(flow.session_id for flow in flows)
    assert 1 < len({flow.session_id for flow in flows}) < len(flows)


def error_of(data: bytes) -> CaptureError:
    with pytest.raises(CaptureError) as caught:
        list(read_capture(io.BytesIO(data), format=Format.MITMPROXY))
    return caught.value


@pytest.mark.parametrize(
    ("name", "reason", "byte_offset", "flow_index"),
    [
        ("mut-future-version-22", Reason.UNSUPPORTED_VERSION, 1843, 1),
        ("mitmproxy-dumpfile-010", Reason.UNSUPPORTED_VERSION, 0, 0),
        ("mut-no-version", Reason.DAMAGED_CAPTURE, 1843, 1),
        ("mut-not-a-dict", Reason.DAMAGED_CAPTURE, 1843, 1),
        ("mut-trailing-garbage", Reason.DAMAGED_CAPTURE, 6010, 3),
        ("mut-truncated-mid-flow", Reason.DAMAGED_CAPTURE, 6010, 3),
        ("mut-wrong-type-tag", Reason.DAMAGED_CAPTURE, 1842, 0),
    ],
)
def test_a_damaged_dump_is_refused_with_its_place(
    name: str, reason: Reason, byte_offset: int, flow_index: int
) -> None:
    error = error_of(CAPTURES[name].data)
    assert (error.reason, error.byte_offset, error.flow_index) == (reason, byte_offset, flow_index)
    assert error.metadata == {"byte_offset": str(byte_offset), "flow_index": str(flow_index)}
    assert f"byte {byte_offset}, flow {flow_index}" in error.message


IDS = (
    "18d3effd-053c-42c4-ad49-2edf4a620dfa",
    "25076590-64c3-4f45-a698-fd0538ce1c29",
    "7b2ef67d-05c8-4261-8fd9-69ec2d4f66af",
)


def salvaged(data: bytes) -> list[str | int]:
    """The ids of a dump's flows, and where damage begins."""
    found = read_capture(io.BytesIO(data), format=Format.MITMPROXY, salvage=True)
    flows = [each for each in found if isinstance(each, Flow | DamagedFlow)]
    return [each.flow_id if isinstance(each, Flow) else each.byte_offset for each in flows]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("mut-future-version-22", [IDS[0], 1843, IDS[1]]),
        ("mut-no-version", [IDS[0], 1843]),
        ("mut-not-a-dict", [IDS[0], 1843, IDS[1]]),
        ("mut-trailing-garbage", [*IDS, 6010]),
        ("mut-truncated-mid-flow", [*IDS, 6010]),
        ("mut-wrong-type-tag", [1842, IDS[1]]),
        ("mitmproxy-dumpfile-010", [0]),
    ],
)
def test_salvage_takes_what_a_damaged_dump_still_holds(name: str, found: list[str | int]) -> None:
    assert salvaged(CAPTURES[name].data) == found


def test_salvage_says_why_a_flow_is_left_out() -> None:
    def left_out(name: str) -> DamagedFlow:
        found = read_capture(io.BytesIO(CAPTURES[name].data), format=None, salvage=True)
        [only] = [each for each in found if isinstance(each, DamagedFlow)]
        return only

    assert left_out("mut-future-version-22").reason is Reason.UNSUPPORTED_VERSION
    torn = left_out("mut-truncated-mid-flow")
    assert torn.reason is Reason.DAMAGED_CAPTURE
    assert "the capture ends at byte 6982, inside a record" in torn.message


@pytest.mark.parametrize("capture", READABLE.values(), ids=READABLE)
def test_salvage_finds_every_flow_between_damage(capture: Capture) -> None:
    whole = [flow.flow_id for flow in flows_of(io.BytesIO(capture.data))]
    if not whole:
        return
    records = list(Records(io.BytesIO(capture.data)))
    starts = [record.offset for record in records][1:]
    data = capture.data
    for start in reversed(starts):
        data = data[:start] + b"\n37:torn;" + data[start:]
    assert [each for each in salvaged(data + b"5:x") if isinstance(each, str)] == whole


def test_what_a_backup_holds_is_no_flow_when_its_own_is_torn() -> None:
    edited = dumps(state(backup=state(id="old"), id="new"))
    assert salvaged(edited[:-1] + b"?" + dumps(state(id="next"))) == [len(edited) - 1, "next"]
    assert salvaged(b"1" + edited) == [0, "new"]
    assert salvaged(edited[4:] + dumps(state(id="next")))[1:] == ["next"]


def test_every_dump_is_read_refused_or_noted() -> None:
    told = set(READABLE) | {"mut-unknown-key"}
    for name, capture in CAPTURES.items():
        if name not in told:
            error_of(capture.data)


def test_an_unknown_field_is_a_note_before_its_flow() -> None:
    found = list(read_capture(io.BytesIO(CAPTURES["mut-unknown-key"].data), format=None))
    assert [type(each) for each in found] == [Flow, CaptureNote, Flow, Flow]
    assert found[1] == CaptureNote(
        1, "the flow has an unknown field 'new_future_key', which was ignored"
    )


def test_unknown_fields_are_noted_each_up_to_a_bound() -> None:
    odd = state(
        request=request(extra=1), response=response(**{f"x{n}": n for n in range(100)}), more="x"
    )
    notes = [note.message for note in notes_of(io.BytesIO(dumps(odd)))]
    assert "the flow has an unknown field 'more', which was ignored" in notes
    assert "the request has an unknown field 'extra', which was ignored" in notes
    assert "the response has 80 more unknown fields, which were ignored" in notes
    assert len(notes) == 2 + 20 + 1


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_time_that_is_none_is_noted(time: float) -> None:
    found = list(
        read_capture(io.BytesIO(dumps(state(request=request(timestamp_end=time)))), format=None)
    )
    note, flow = found
    assert isinstance(note, CaptureNote)
    assert "'timestamp_end' is" in note.message
    assert isinstance(flow, Flow)
    assert flow.request is not None
    assert flow.request.end_time is None


FLOW_FIELDS = sorted(set(state()) - {"backup"})


@pytest.mark.parametrize("name", FLOW_FIELDS)
def test_a_flow_without_a_field_is_refused(name: str) -> None:
    lacking = state()
    del lacking[name]
    first = dumps(state())
    error = error_of(first + dumps(lacking))
    assert (error.byte_offset, error.flow_index) == (len(first), 1)
    assert name in error.message


@pytest.mark.parametrize("half", ["request", "response"])
def test_a_message_without_a_field_is_refused(half: str) -> None:
    for name in state()[half]:
        lacking = state()
        del lacking[half][name]
        assert f"the {half} lacks {name}" in error_of(dumps(lacking)).message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "quic"}, "no type of flow named 'quic'"),
        ({"type": 1}, "'type' must be text"),
        ({"id": None}, "'id' must be text"),
        ({"id": "x" * 201}, "an id has 201 characters"),
        ({"intercepted": None}, "'intercepted' must be true or false"),
        ({"client_conn": None}, "'client_conn' must be a dictionary"),
        ({"server_conn": []}, "'server_conn' must be a dictionary"),
        ({"server_conn": connection(sni=1)}, "'sni' must be text"),
        ({"error": {"msg": "x"}}, "the error lacks timestamp"),
        ({"request": request(port="80")}, "'port' must be an integer"),
        ({"request": request(port=1 << 40)}, "'port' is out of range"),
        ({"request": request(headers=[["a", "b"]])}, "pairs of bytes"),
        ({"request": request(headers=None)}, "'headers' must be a list"),
        ({"request": request(content=5)}, "'content' must be bytes"),
        ({"request": request(host=b"\xff")}, "'host' is not UTF-8 text"),
        ({"response": response(status_code=None)}, "'status_code' must be an integer"),
        ({"response": b"x"}, "'response' must be a dictionary"),
        ({"comment": None}, "'comment' must be text"),
    ],
)
def test_a_wrong_type_is_refused(changes: dict[str, Any], said: str) -> None:
    error = error_of(dumps(state(**changes)))
    assert said in error.message
    assert (error.byte_offset, error.flow_index) == (0, 0)


def flow_of(**changes: Any) -> Flow:
    [flow] = flows_of(io.BytesIO(dumps(state(**changes))))
    return flow


def test_text_for_bytes_and_bytes_for_text_are_taken() -> None:
    found = flow_of(
        request=request(
            method="GET",
            scheme="https",
            path="/ü",
            http_version="HTTP/1.1",
            host=b"xn--bcher-kva.test",
            timestamp_start=5,
        )
    ).request
    assert found is not None
    assert (found.method, found.scheme, found.path) == (b"GET", b"https", "/ü".encode())
    assert (found.host, found.start_time) == ("xn--bcher-kva.test", 5.0)


def test_a_session_without_an_id_is_told_by_address_and_start() -> None:
    def session(**changes: Any) -> str:
        client = connection(id="", proxy_mode="regular", mitmcert=None, **changes)
        return flow_of(client_conn=client).session_id

    assert session() == session()
    assert session() != session(peername=["127.0.0.1", 50001])
    assert session() != session(timestamp_start=1.0)


@pytest.mark.parametrize(
    ("server", "client", "mode", "name"),
    [
        ("server.test", "client.test", "regular", "server.test"),
        ("server.test", "localhost", "reverse:https://server.test", "server.test"),
        (None, "client.test", "transparent", "client.test"),
        (None, "localhost", "reverse:https://server.test", ""),
        (None, None, "regular", ""),
        ("", "client.test", "upstream:http://proxy.test:8080", "client.test"),
    ],
)
def test_the_server_name_is_what_the_server_was_asked_for(
    server: str | None, client: str | None, mode: str, name: str
) -> None:
    flow = flow_of(
        server_conn=connection(sni=server, address=None, via=None, timestamp_tcp_setup=None),
        client_conn=connection(sni=client, proxy_mode=mode, mitmcert=None),
    )
    assert flow.server_name == name


def test_a_large_content_is_whole() -> None:
    content = bytes(range(256)) * (3 << 12)
    found = flow_of(request=request(method=b"POST", content=content)).request
    assert found is not None
    assert found.content == content


def test_a_backup_of_an_edited_flow_is_not_looked_into() -> None:
    assert flow_of(backup={"version": 21, "broken": True}).flow_id


@pytest.mark.parametrize("name", ["mitmproxy-corrupted_gzip_body", "mitmproxy-dumpfile-10"])
def test_only_capture_errors_wherever_a_dump_is_cut(name: str) -> None:
    data = CAPTURES[name].data
    for size in range(1, len(data)):
        error = error_of(data[:size])
        assert (error.byte_offset, error.flow_index) == (0, 0)
        with pytest.raises(CaptureError):
            flows_of(io.BytesIO(data[:size]))


@pytest.mark.parametrize("name", ["rec-mitmproxy-0.15-mixa", "rec-mitmproxy-4.0.4-mixb"])
def test_a_damaged_old_dump_is_refused_with_its_place(name: str) -> None:
    capture = CAPTURES[name]
    last = [record.offset for record in Records(io.BytesIO(capture.data))][-1]
    count = len(capture.flows)
    error = error_of(capture.data[:-1])
    assert (error.byte_offset, error.flow_index) == (last, count - 1)
    for broken in (python2(of_0_11(id=None)), of_7(request={"headers": [[b"x"]]})):
        error = error_of(capture.data + dumps(broken))
        assert (error.byte_offset, error.flow_index) == (len(capture.data), count)


PIECES = (
    dumps(state(version=20))
    + dumps(python2(of_0_11()))
    + dumps(of_7(response=switched([b"Upgrade", b"websocket"])))
    + dumps(messages_of_7())
    + CAPTURES["mitmproxy-corrupted_gzip_body"].data
)


@settings(max_examples=300, deadline=None)
@given(damaged(PIECES, b"0:~", b"9:", b"]", b"}", b"99999999:"))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    list(read_capture(Dribble(data, 1000), format=Format.MITMPROXY, salvage=True))
    found: list[Flow | CaptureNote] = []
    reason = None
    try:
        found = list(read_capture(Dribble(data, 1000), format=None))
    except ReplaydError as error:
        reason = error.reason
    damaged = (Reason.DAMAGED_CAPTURE, Reason.UNSUPPORTED_VERSION, Reason.UNKNOWN_FORMAT)
    assert reason in (None, *damaged)
    assert all(isinstance(each, Flow | CaptureNote) for each in found)

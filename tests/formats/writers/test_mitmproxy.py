"""Replays as mitmproxy keeps them. (System tests show the dumps to mitmproxy itself.)"""

import io
from dataclasses import replace
from typing import Any

import pytest

from replayd.formats.tnetstring import Records
from replayd.formats.tnetstring_parser import Parser
from replayd.formats.writers.mitmproxy import write
from replayd.model.flow import Flow, FlowError, FlowKind, WebSocket
from replayd.model.outcome import ConnectionInfo, Timings, WebSocketResult
from replayd.model.replayed import Replayed
from tests.support import tnetstring as real
from tests.support.captures import flows_of
from tests.support.replayed import (
    CONNECTION,
    HEAD,
    HTTP2,
    HTTP2_PLAN,
    MS,
    RECORDED,
    REQUEST,
    SAID_AGAIN,
    START,
    TIMINGS,
    captured,
    conversed,
    failed,
    succeeded,
)


def state(replayed: Replayed) -> dict[bytes, Any]:
    (record,) = Records(io.BytesIO(b"".join(write(replayed))))
    parsed = Parser(frozenset()).parse(record)
    assert isinstance(parsed, dict)
    return parsed


def read(replayed: Replayed) -> Flow:
    (flow,) = flows_of(io.BytesIO(b"".join(write(replayed))))
    return flow


def keys(structure: object) -> object:
    """The keys at every level."""
    if not isinstance(structure, dict):
        return None
    names = {key.decode() if isinstance(key, bytes) else key: key for key in structure}
    return {name: keys(structure[key]) for name, key in names.items() if name != "metadata"}


def test_every_key_of_version_21_is_there_and_no_other() -> None:
    wanted = real.state(error={"msg": "", "timestamp": 0.0})
    wanted["backup"] = real.state(error=None)
    flow = captured()._replace(error=None)
    assert keys(state(failed(flow, head=HEAD))) == keys(wanted)


def test_the_new_response_stands_beside_the_captured_request() -> None:
    flow = read(succeeded())
    assert flow.request == REQUEST._replace(start_time=START / 1e9, end_time=(START + 6e6) / 1e9)
    assert flow.response is not None
    assert (flow.response.status_code, flow.response.content) == (200, b"new")
    assert flow.response.end_time == pytest.approx((START + 20e6) / 1e9)
    assert (flow.flow_id, flow.session_id) == ("flow-1", "client-1")
    assert (flow.server_name, flow.error) == ("a.test", None)
    assert state(succeeded())[b"is_replay"] == "request"


def test_what_went_over_http2_is_kept_as_it_went() -> None:
    replayed = succeeded(plan=HTTP2_PLAN, connection=CONNECTION._replace(alpn="h2"))
    request = read(replayed).request
    assert request is not None
    assert (request.http_version, request.authority) == (b"HTTP/2.0", b"b.test")
    assert (request.headers, request.trailers) == (((b"content-length", b"3"),), HTTP2.trailers)
    found = state(replayed)
    assert found[b"server_conn"][b"alpn"] == b"h2"
    assert found[b"backup"][b"request"][b"http_version"] == b"HTTP/1.1"


def test_the_backup_is_the_captured_flow() -> None:
    flow = captured(error=FlowError("broken", 5.5), comment="c", mark=":x:")
    backup = state(succeeded(flow))[b"backup"]
    assert (backup[b"is_replay"], backup[b"backup"]) == (None, None)
    assert backup[b"response"][b"content"] == RECORDED.content
    assert backup[b"response"][b"timestamp_start"] == RECORDED.start_time
    assert backup[b"request"][b"timestamp_start"] == REQUEST.start_time
    assert backup[b"error"] == {b"msg": "broken", b"timestamp": 5.5}
    assert (backup[b"comment"], backup[b"marked"]) == ("c", ":x:")


def test_an_error_stands_in_the_response_s_place() -> None:
    found = state(failed())
    assert found[b"error"][b"msg"] == "CONNECT_TIMEOUT: no answer"
    assert found[b"error"][b"timestamp"] == pytest.approx((START + 30e6) / 1e9)
    assert found[b"response"] is None
    assert found[b"server_conn"][b"timestamp_start"] is None


def test_a_response_that_broke_off_is_kept_with_its_error() -> None:
    flow = read(failed(head=HEAD, content_prefix=b"half", content_size=9))
    assert flow.response is not None
    assert flow.error is not None
    assert flow.response.content == b"half"


def test_the_server_connection_is_the_replay_s() -> None:
    connection = state(succeeded())[b"server_conn"]
    assert connection[b"peername"] == ("10.0.0.1", 443)
    assert connection[b"sockname"] == ("10.0.0.9", 50000)
    assert connection[b"address"] == ("a.test", 443)
    assert (connection[b"tls"], connection[b"tls_version"]) == (True, "TLSv1.3")
    assert (connection[b"sni"], connection[b"cipher"]) == ("a.test", "AES")
    times = [connection[b"timestamp_" + name] for name in (b"start", b"tcp_setup", b"tls_setup")]
    assert times == pytest.approx([START / 1e9, (START + 2e6) / 1e9, (START + 5e6) / 1e9])


def test_a_kept_connection_has_no_start() -> None:
    kept = succeeded(
        connection=CONNECTION._replace(reused=True),
        timings=Timings(START, sent=1, first_byte=2, total=3),
    )
    connection = state(kept)[b"server_conn"]
    assert connection[b"timestamp_start"] is connection[b"timestamp_tcp_setup"] is None
    assert connection[b"id"] == state(succeeded())[b"server_conn"][b"id"]


@pytest.mark.parametrize(
    ("address", "name"), [("[::1]:80", ("::1", 80)), ("", None), ("/a/socket", None)]
)
def test_addresses(address: str, name: object) -> None:
    connection = ConnectionInfo(address, tls_version="TLSv9")
    found = state(succeeded(connection=connection))[b"server_conn"]
    assert (found[b"peername"], found[b"sockname"]) == (name, None)
    assert found[b"tls_version"] is None, "mitmproxy would refuse the file"


def test_what_was_not_recorded_has_the_replay_s_time() -> None:
    request = REQUEST._replace(start_time=None, end_time=None)
    response = RECORDED._replace(start_time=None, end_time=None)
    flow = captured(request, response, error=FlowError("x"), flow_id="", session_id="")
    found = state(succeeded(flow, timings=replace(TIMINGS, first_byte=None)))
    start = START / 1e9
    assert found[b"timestamp_created"] == found[b"client_conn"][b"timestamp_start"] == start
    assert found[b"response"][b"timestamp_start"] == start
    backup = found[b"backup"]
    assert backup[b"request"][b"timestamp_start"] == start
    assert backup[b"response"][b"timestamp_start"] == start
    assert backup[b"error"][b"timestamp"] == start
    assert (found[b"id"], found[b"client_conn"][b"id"]) == ("batch.7", "batch.7")


def test_contents_and_trailers_that_are_missing_stay_missing() -> None:
    flow = captured(response=RECORDED._replace(content=None))
    found = state(succeeded(flow, trailers=((b"T", b"u"),)))
    assert found[b"backup"][b"response"][b"content"] is None
    assert found[b"backup"][b"response"][b"trailers"] is None
    assert found[b"response"][b"trailers"] == ((b"T", b"u"),)


def test_what_was_said_stands_beside_what_was_captured() -> None:
    found = read(conversed())
    assert found.kind is FlowKind.WEBSOCKET
    assert found.response is not None
    assert (found.response.status_code, found.response.content) == (101, b"")
    ended = pytest.approx((START + 20 * MS) / 1e9)
    assert found.websocket == WebSocket(SAID_AGAIN, True, 1000, "bye", ended)
    backup = state(conversed())[b"backup"][b"websocket"]
    assert backup == {
        b"messages": (
            (1, True, "grüße".encode(), 1_600_000_002.0, False, False),
            # The time that is not known is that of the flow.
            (2, False, b"\0\xff", 1_600_000_000.5, True, False),
        ),
        b"closed_by_client": False,
        b"close_code": 1001,
        b"close_reason": "away",
        b"timestamp_end": 1_600_000_003.0,
    }


def test_a_websocket_that_was_not_accepted_is_plain_http() -> None:
    refused = conversed((), head=HEAD, websocket=None)
    assert read(refused).kind is FlowKind.HTTP
    assert state(refused)[b"backup"][b"websocket"] is not None


def test_one_that_ended_without_a_code_has_none() -> None:
    found = state(conversed(websocket=WebSocketResult(1, 2)))[b"websocket"]
    assert (found[b"close_code"], found[b"close_reason"]) == (None, "")

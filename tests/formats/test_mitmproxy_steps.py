"""Old states on their way to the newest version; real old dumps are in test_mitmproxy."""

import copy
import io
from typing import Any

import pytest

from replayd.formats.mitmproxy_steps import STEPS
from replayd.model.flow import Flow, FlowError, FlowKind
from tests.support.captures import flows_of, notes_of
from tests.support.old_states import (
    OLD_CONNECTION,
    State,
    messages_of_7,
    of_0_11,
    of_7,
    python2,
    switched,
)
from tests.support.tnetstring import dumps


def flow_of(state: Any) -> Flow:
    """The flow, about which there must be no notes."""
    data = dumps(state)
    assert list(notes_of(io.BytesIO(data))) == []
    [flow] = flows_of(io.BytesIO(data))
    return flow


def request_of(state: Any) -> Any:
    request = flow_of(state).request
    assert request is not None
    return request


@pytest.mark.parametrize("version", STEPS, ids=str)
def test_a_step_is_pure_and_leads_to_the_next_version(version: Any) -> None:
    following = [*STEPS, 21]
    state: dict[bytes, Any] = {
        b"version": version,
        b"type": "http",
        b"client_conn": {b"sni": True, b"address": {b"address": ("::1", 1)}, b"state": 3},
        b"server_conn": {b"sni": b"x", b"state": 3, b"tls_version": "QUIC"},
        b"request": {b"headers": (), b"httpversion": (1, 1), b"form_in": b"relative"},
        b"response": {b"headers": (), b"status_code": 101, b"body": b"", b"code": 101},
    }
    kept = copy.deepcopy(state)
    assert STEPS[version](state)[b"version"] == following[following.index(version) + 1]
    assert state == kept


@pytest.mark.parametrize("as_written", [python2, lambda state: state], ids=["Python 2", "text"])
@pytest.mark.parametrize("version", [[0, 11], [0, 12], [0, 13, 1]], ids=str)
def test_the_oldest_versions(version: list[int], as_written: Any) -> None:
    flow = flow_of(as_written(python2(of_0_11(version=version))))
    assert (flow.flow_id, flow.kind, flow.server_name) == ("f10e", FlowKind.HTTP, "example.test")
    assert (flow.mark, flow.comment, flow.intercepted) == ("", "", False)
    request, response = flow.request, flow.response
    assert request is not None
    assert response is not None
    assert (request.method, request.scheme, request.path) == (b"GET", b"http", b"/p")
    assert (request.host, request.port, request.authority) == ("example.test", 8080, b"")
    assert (request.http_version, request.content) == (b"HTTP/1.1", b"")
    assert request.headers == ((b"Host", b"example.test"),)
    assert (request.start_time, request.end_time) == (1400000000.5, 1400000000.75)
    assert (response.http_version, response.status_code) == (b"HTTP/1.0", 200)
    assert (response.reason_phrase, response.content) == (b"OK", b"ok")
    assert (response.start_time, response.end_time) == (1400000001.0, 1400000001.5)


def test_an_old_flow_may_have_no_response() -> None:
    flow = flow_of(python2(of_0_11(response=None) | {"response": None}))
    assert flow.request is not None
    assert flow.response is None


@pytest.mark.parametrize("half", ["request", "response"])
def test_content_that_was_left_out_was_0(half: str) -> None:
    flow = flow_of(python2(of_0_11(**{half: {"content": 0}})))
    assert getattr(flow, half).content is None


def test_an_old_error_may_be_no_utf_8() -> None:
    broken = python2(of_0_11())
    broken[b"error"] = {b"msg": b"caf\xe9", b"timestamp": 1.5}
    assert flow_of(broken).error == FlowError("caf\\xe9", 1.5)


def test_body_and_msg_of_0_15() -> None:
    state = of_0_11(version=[0, 15])
    for half in ("request", "response"):
        state[half]["http_version"] = "HTTP/1.1"
        state[half]["body"] = "some"
        for gone in ("httpversion", "content"):
            del state[half][gone]
    state["response"]["status_code"] = state["response"].pop("code")
    state["request"]["first_line_format"] = state["request"].pop("form_in")
    flow = flow_of(python2(state))
    assert flow.request is not None
    assert flow.response is not None
    assert flow.request.content == flow.response.content == b"some"
    assert flow.response.reason_phrase == b"OK"


def test_before_5_address_and_start_tell_a_session() -> None:
    def session(**changes: Any) -> str:
        client = {**OLD_CONNECTION, **changes}
        return flow_of(python2(of_0_11(client_conn=client))).session_id

    assert session() == session()
    assert session() != session(timestamp_start=1.0)
    assert session() != session(address={"address": ["127.0.0.1", 50001]})
    assert session(timestamp_start=None) == "", "a connection without a start is nobody's"


def test_releases_of_2_0_kept_addresses_as_before() -> None:
    nested = {**OLD_CONNECTION, "sni": None}
    flat = {**nested, "address": ["127.0.0.1", 50000]}
    states = [of_7(version=[2, 0, 2], client_conn=client) for client in (nested, flat)]
    assert len({flow_of(state).session_id for state in states}) == 1


@pytest.mark.parametrize(
    ("form_in", "form_out", "authority"),
    [
        ("relative", "relative", b""),
        ("absolute", "relative", b""),
        ("relative", "absolute", b"example.test:8080"),
        ("authority", "authority", b"example.test:8080"),
        ("absolute", None, b"example.test:8080"),
    ],
)
def test_the_form_that_was_sent(form_in: str, form_out: str | None, authority: bytes) -> None:
    form = {"form_in": form_in, "form_out": form_out}
    assert request_of(python2(of_0_11(request=form))).authority == authority
    later = of_7(request={"first_line_format": form_out or form_in, "port": 8080})
    assert request_of(later).authority == authority


def test_a_connect_has_no_path() -> None:
    nothing = {"method": b"CONNECT", "first_line_format": "authority", "scheme": None, "path": None}
    request = request_of(of_7(request=nothing))
    assert (request.scheme, request.path, request.authority) == (b"", b"", b"example.test:443")


def test_a_target_that_is_none_is_for_the_refusal() -> None:
    request = request_of(
        of_7(request={"host": None, "port": None, "first_line_format": "absolute"})
    )
    assert (request.host, request.port, request.authority) == ("", 0, b"")
    assert request_of(of_7(request={"host": b"caf\xe9"})).host == "caf\\xe9"


def test_the_authority_of_http_2_is_lifted_from_the_fields() -> None:
    fields = [[b":authority", b"a.test"], [b"x", b"1"]]
    lifted = request_of(of_7(request={"http_version": b"HTTP/2.0", "headers": fields}))
    assert (lifted.authority, lifted.headers) == (b"a.test", ((b"x", b"1"),))
    odd = request_of(of_7(request={"http_version": b"HTTP/1.1", "headers": fields}))
    assert (odd.authority, len(odd.headers)) == (b"", 2)
    none = request_of(of_7(request={"http_version": b"HTTP/2.0", "headers": fields[1:]}))
    assert (none.authority, none.headers) == (b"", ((b"x", b"1"),))


def test_an_authority_of_its_own_wins() -> None:
    fields = [[b":authority", b"a.test"]]
    state = of_7(version=9, is_replay=None)
    state["request"] |= {"http_version": b"HTTP/2.0", "headers": fields, "authority": b"b.test"}
    state["request"]["trailers"] = None
    del state["request"]["first_line_format"], state["request"]["is_replay"]
    request = request_of(state)
    assert (request.authority, request.headers) == (b"b.test", ((b":authority", b"a.test"),))


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (switched([b"upgrade", b"WebSocket"]), FlowKind.WEBSOCKET),
        (switched([b"Upgrade", b"websocket"], [b"x", b""]), FlowKind.WEBSOCKET),
        (switched([b"Upgrade", b"h2c"]), FlowKind.HTTP),
        (switched(), FlowKind.HTTP),
        (switched([b"Upgrade", b"websocket"], status=403), FlowKind.HTTP),
        (None, FlowKind.HTTP),
    ],
)
def test_a_handshake_is_a_websocket_flow(response: Any, kind: FlowKind) -> None:
    assert flow_of(of_7(response=response)).kind is kind


@pytest.mark.parametrize("changes", [{}, {"handshake_flow": of_7()}, {"type": b"websocket"}])
def test_messages_need_no_handshake(changes: State) -> None:
    flow = flow_of(messages_of_7(**changes))
    assert (flow.kind, flow.flow_id) == (FlowKind.WEBSOCKET, "f10e")
    assert (flow.request, flow.response) == (None, None)


@pytest.mark.parametrize("version", [[0, 18, 2], [1, 0, 2], [2, 0, 2], 7, 8, 9, 10, 11, 12])
def test_tcp_flows_are_flows_in_every_version(version: Any) -> None:
    state = of_7(version=version, type="tcp", messages=[[True, b"x", 1500000001.0]])
    del state["request"], state["response"], state["mode"]
    if isinstance(version, int) and version > 8:
        state["is_replay"] = None
    flow = flow_of(state)
    assert (flow.kind, flow.session_id) == (FlowKind.TCP, "c0ffee")
    assert flow.request is None


@pytest.mark.parametrize(("marked", "mark"), [(True, ":default:"), (False, "")])
def test_marks(marked: bool, mark: str) -> None:
    assert flow_of(of_7(marked=marked)).mark == mark


@pytest.mark.parametrize(
    ("sni", "name"),
    [(b"a.test", "a.test"), (b"caf\xe9", "caf\\xe9"), ("a.test", "a.test"), (None, "")],
)
@pytest.mark.parametrize("side", ["client_conn", "server_conn"])
def test_server_names(side: str, sni: Any, name: str) -> None:
    state = of_7()
    state[side]["sni"] = sni
    assert flow_of(state).server_name == name


def test_times_that_were_not_recorded_are_not_made_up() -> None:
    response = flow_of(of_7(response=switched(status=200))).response
    assert response is not None
    assert (response.start_time, response.end_time) == (None, None)


def test_18_to_19() -> None:
    old: dict[bytes, Any] = {
        b"version": 18,
        b"client_conn": {b"address": (b"::1", 1)},
        b"server_conn": {b"address": ("example.test", 443), b"sni": True},
    }
    assert STEPS[18](old) == {
        b"version": 19,
        b"client_conn": {b"peername": (b"::1", 1)},
        b"server_conn": {b"address": ("example.test", 443), b"sni": "example.test"},
    }


def test_a_server_name_of_no_address_is_none() -> None:
    server = STEPS[18]({b"server_conn": {b"sni": True, b"address": None}})[b"server_conn"]
    assert isinstance(server, dict)
    assert server[b"sni"] is None

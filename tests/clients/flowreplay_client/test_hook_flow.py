"""A flow in a hook's hands: what is read, what is changed, and what goes back."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from flowreplay.v1 import flow_pb2, hook_pb2, reason_pb2
from flowreplay_client import HookFlow, Response
from flowreplay_client.hook_flow import Headers


def call(point: hook_pb2.HookPoint.ValueType = hook_pb2.HOOK_POINT_REQUEST) -> hook_pb2.HookCall:
    made = hook_pb2.HookCall(call_id=7, point=point, replay_id="b.3", batch_id="b", flow_index=3)
    request = made.flow.request
    request.method, request.scheme, request.host, request.port = b"GET", b"http", "shop.test", 80
    request.path, request.http_version = b"/a", b"HTTP/1.1"
    request.headers.add(name=b"Host", value=b"shop.test")
    request.headers.add(name=b"A", value=b"1")
    request.headers.add(name=b"a", value=b"2")
    if point != hook_pb2.HOOK_POINT_REQUEST:
        made.flow.response.status_code = 200
        made.flow.response.headers.add(name=b"Content-Length", value=b"2")
    return made


def at_request(content: bytes = b"") -> HookFlow:
    return HookFlow(call(), (content, b""))


def at_response(content: bytes = b"ok") -> HookFlow:
    return HookFlow(call(hook_pb2.HOOK_POINT_RESPONSE), (b"", content))


def decision(flow: HookFlow) -> str | None:
    answer, _ = flow.answer()
    assert answer.call_id == 7
    return answer.WhichOneof("decision")


def headers_of(flow: HookFlow) -> Headers:
    return flow.request.headers


def test_what_is_looked_at_goes_on() -> None:
    flow = at_request(b"abc")
    assert (flow.request.method, flow.request.url, flow.request.content) == (
        "GET",
        "http://shop.test/a",
        b"abc",
    )
    assert (flow.point, flow.replay_id, flow.index, flow.response) == ("request", "b.3", 3, None)
    assert decision(flow) == "proceed"
    assert decision(at_response()) == "proceed"


def test_headers_are_a_mapping_without_case() -> None:
    headers = headers_of(at_request())
    assert headers["a"] == "1, 2"
    assert headers.get("B") is None
    assert (list(headers), len(headers)) == (["Host", "A", "a"], 3)
    assert "HOST" in headers
    with pytest.raises(KeyError):
        del headers["B"]


def test_fields_stay_where_they_are() -> None:
    headers = headers_of(at_request())
    headers["a"] = "3"
    headers.add("B", b"\xff")
    assert headers.fields == [(b"Host", b"shop.test"), (b"A", b"3"), (b"B", b"\xff")]
    assert headers["B"].encode("utf-8", "surrogateescape") == b"\xff"
    headers.set_all("b", ["1", "2"])
    del headers["A"]
    assert headers.fields[1:] == [(b"B", b"1"), (b"b", b"2")]


def test_a_changed_head_goes_back_without_the_content() -> None:
    flow = at_request(b"abc")
    flow.request.method = "PUT"
    answer, content = flow.answer()
    assert (answer.request.method, answer.content_kept, content) == (b"PUT", True, b"")


def test_a_changed_content_goes_back_with_its_length() -> None:
    flow = at_request()
    flow.request.text = "hällo"
    answer, content = flow.answer()
    assert (answer.content_kept, content) == (False, "hällo".encode())
    assert flow.request.headers["content-length"] == "6"


@pytest.mark.parametrize(
    ("coding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_coded_content_is_read_and_written_so(coding: str, packed: object) -> None:
    flow = at_response(packed(b"abc"))  # type: ignore[operator]
    assert flow.response is not None
    flow.response.headers["Content-Encoding"] = coding
    assert flow.response.content == b"abc"
    flow.response.content = b"abcd"
    assert flow.response.raw_content != b"abcd"
    assert flow.response.content == b"abcd"


def test_a_coding_that_is_not_known_is_told() -> None:
    flow = at_response()
    assert flow.response is not None
    flow.response.headers["Content-Encoding"] = "br"
    with pytest.raises(ValueError, match="use raw_content"):
        flow.response.content  # noqa: B018
    flow.response.headers["Content-Encoding"] = "gzip"
    with pytest.raises(ValueError, match="not gzip"):
        flow.response.content  # noqa: B018


def test_a_url_sets_all_that_it_names() -> None:
    flow = at_request()
    flow.request.url = "https://[::1]:8443/b?c"
    request = flow.request
    assert (request.scheme, request.host, request.port) == ("https", "::1", 8443)
    assert (request.path, request.headers["host"]) == ("/b?c", "[::1]:8443")
    assert request.url == "https://[::1]:8443/b?c"
    with pytest.raises(ValueError, match="is not http"):
        flow.request.url = "ftp://a"


def test_an_own_response_is_the_answer() -> None:
    flow = at_request()
    flow.response = Response.make(404, b"none", {"A": "b"})
    answer, content = flow.answer()
    assert (answer.response.status_code, answer.content_kept, content) == (404, False, b"none")
    assert [field.name for field in answer.response.headers] == [b"A", b"Content-Length"]


def test_the_response_of_another_flow_goes_whole() -> None:
    flow = at_request()
    flow.response = at_response(b"ok").response
    answer, content = flow.answer()
    assert (answer.response.status_code, answer.content_kept, content) == (200, False, b"ok")


def test_a_changed_response_is_what_is_recorded() -> None:
    flow = at_response()
    assert flow.response is not None
    flow.response.status_code, flow.response.reason = 201, "Made"
    answer, content = flow.answer()
    assert (answer.response.status_code, answer.content_kept, content) == (201, True, b"")
    flow.response = Response.make(500)
    answer, _ = flow.answer()
    assert (answer.response.status_code, answer.content_kept) == (500, False)


def test_a_kill_counts_whatever_else_was_done() -> None:
    flow = at_request()
    flow.request.method = "PUT"
    flow.kill("why")
    answer, _ = flow.answer()
    assert (answer.kill.message, flow.killed) == ("why", True)


def at_error() -> HookFlow:
    made = call(hook_pb2.HOOK_POINT_ERROR)
    made.error.reason, made.error.message = reason_pb2.REASON_CONNECT_FAILED, "no"
    return HookFlow(made, (b"", b""))


def set_response(flow: HookFlow, response: Response | None) -> None:
    flow.response = response


CHANGES: dict[str, Callable[[HookFlow], object]] = {
    "method": lambda flow: setattr(flow.request, "method", "PUT"),
    "url": lambda flow: setattr(flow.request, "url", "http://b.test/"),
    "text": lambda flow: setattr(flow.request, "text", "x"),
    "header": lambda flow: flow.request.headers.update(a="3"),
    "header taken away": lambda flow: flow.request.headers.pop("A"),
    "field": lambda flow: flow.request.headers.add("b", "1"),
    "trailer": lambda flow: flow.request.trailers.add("b", "1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_request_that_was_sent_can_not_be_changed(change: Callable[[HookFlow], object]) -> None:
    flow = at_response()
    with pytest.raises(ValueError, match=r"in response\(flow\); change it in request\(flow\)"):
        change(flow)
    with pytest.raises(ValueError, match="the replay has failed"):
        change(at_error())
    assert decision(flow) == "proceed"
    change(at_request())


def test_a_response_that_came_can_not_be_taken_away() -> None:
    with pytest.raises(ValueError, match=r"flow.kill\(\)"):
        set_response(at_response(), None)
    flow = at_request()
    set_response(flow, Response.make(200))
    set_response(flow, None)
    assert decision(flow) == "proceed"


def test_of_a_failed_replay_nothing_can_be_changed() -> None:
    flow = at_error()
    assert flow.response is not None
    for change in (
        lambda: setattr(flow.response, "status_code", 200),
        lambda: set_response(flow, Response.make(200)),
        flow.kill,
    ):
        with pytest.raises(ValueError, match="the replay has failed"):
            change()
    assert (decision(flow), flow.killed) == ("proceed", False)


def test_an_error_is_told() -> None:
    flow = at_error()
    assert flow.error is not None
    assert (flow.error.reason, str(flow.error)) == ("CONNECT_FAILED", "no [CONNECT_FAILED]")
    assert decision(flow) == "proceed"


def test_a_content_that_was_left_out_is_known_to_be() -> None:
    made = call()
    made.flow.request.content_missing = True
    flow = HookFlow(made, (b"", b""))
    assert flow.request.content_missing
    flow.request.content = b"a"
    assert not flow.request.content_missing
    assert isinstance(flow.request.message, flow_pb2.Request)

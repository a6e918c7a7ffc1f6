from typing import Any

import pytest
from flowreplay.v1 import plan_pb2

from replayd.codec.plan import decode_plan, encode_plan
from replayd.model.plan import (
    Change,
    ChangeKind,
    Framing,
    Http2Request,
    HttpVersions,
    Plan,
    Target,
    WebSocketPace,
    WebSocketPlan,
)


def assert_as_generated(plan: Plan) -> None:
    """What is encoded by hand is, to the byte, what the generated code makes of it."""
    encoded = encode_plan(plan)
    assert plan_pb2.Plan.FromString(encoded).SerializeToString(deterministic=True) == encoded


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"method": b"", "url": b"", "head": b""},
        {"idempotent": False, "expect_continue": True},
        {"head": b"x" * 200, "flow_index": 1 << 31, "flow_id": "\u00e9" * 100},
        {"framing": Framing.RAW, "content_size": 1 << 40},
        {"trailer_section": b"t: 1\r\n", "proxy_authorization": True},
        {"recorded_status_code": -1, "changes": (Change(ChangeKind.CONNECT_TO, ""),) * 2},
        {"head": b"x" * (1 << 21), "recorded_status_code": 599},
    ],
)
def test_a_plan_is_encoded_as_generated_code_does(fields: dict[str, Any]) -> None:
    given = {"method": b"GET", "url": b"http://a/", "head": b"GET / HTTP/1.1\r\n\r\n"} | fields
    plan = Plan(target=Target("http", "a", 80), **given)
    assert_as_generated(plan)
    assert decode_plan(encode_plan(plan)) == plan


def test_a_plan_comes_back_whole() -> None:
    plan = Plan(
        method=b"POST",
        url=b"https://example.com/\xff",
        target=Target(
            "https", "example.com", 443, "sni.example", "127.0.0.1", 8443, HttpVersions.TWO
        ),
        head=b"POST /\xff HTTP/1.1\r\n\r\n",
        framing=Framing.CHUNKED,
        content_size=12,
        trailer_section=b"X: y\r\n",
        changes=(Change(ChangeKind.CHUNK_SIZES, "one chunk"),),
        idempotent=False,
        expect_continue=True,
        flow_index=3,
        flow_id="id",
        recorded_status_code=204,
        proxy_authorization=True,
        http2=Http2Request(
            headers=((b":method", b"POST"), (b"a", b"\xff"), (b"a", b"\xff")),
            trailers=((b"t", b"1"),),
            changes=(Change(ChangeKind.LOWER_CASE, "A -> a"),),
        ),
        websocket=WebSocketPlan(2, 3, WebSocketPace.RECORDED, False, 1001, "away", 1.5),
    )
    assert decode_plan(encode_plan(plan)) == plan
    assert_as_generated(plan)


def test_the_address_is_the_dialled_one() -> None:
    assert Target("http", "a", 80).address == ("a", 80)
    assert Target("http", "a", 80, dial_host="b", dial_port=81).address == ("b", 81)

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


def test_the_address_is_the_dialled_one() -> None:
    assert Target("http", "a", 80).address == ("a", 80)
    assert Target("http", "a", 80, dial_host="b", dial_port=81).address == ("b", 81)

"""All rules in their one order; what came out of it is named."""

from typing import Any

from replayd.model.flow import Response
from replayd.rewriting import rules
from tests.rewriting.rewriting import flow, rewritten


def test_rules_are_applied_in_one_order() -> None:
    captured = flow(method=b"POST", path=b"/a", content=b"body")
    asked: dict[str, Any] = {
        # Both filters are asked before either rule is applied.
        "modify_headers": (
            rules.header_rule("", b"X-A", b"modified"),
            rules.header_rule("~hq x-a", b"X-Never", b"1"),
        ),
        "map_remote": (rules.url_rule("~hq x-a", "/a", "/mapped"),),
        "modify_body": (rules.content_rule("~u mapped", b"body", b"found"),),
        "target": rules.target("http://staging.test/v2"),
        "set_query": ((b"q", b"1"),),
        "remove_headers": (b"x-a", b"cookie"),
        "set_headers": ((b"X-A", b"set"), (b"Cookie", b"a=1"), (b"Host", b"header.test")),
        "set_cookies": ((b"b", b"2"),),
        "host": b"host.test",
    }
    made, changes = rewritten(captured, **asked)
    request = made.request
    assert request is not None
    assert (request.host, request.path) == ("staging.test", b"/v2/mapped?q=1")
    assert request.content == b"found"
    assert request.headers == (
        *((b"Host", b"host.test"), (b"X-A", b"set"), (b"Cookie", b"a=1; b=2")),
    )
    assert [each.description for each in changes] == [
        *("http://shop.test -> http://staging.test", "/a -> /v2/mapped, another query"),
        *("Host set", "X-A added", "Cookie added", "content rewritten: 4 -> 5 bytes"),
    ]


def test_the_recorded_response_stays() -> None:
    captured = flow()._replace(response=Response(b"HTTP/1.1", 200))
    made, _ = rewritten(captured, set_headers=((b"X", b"1"),))
    assert made.response == captured.response


def test_without_an_effect_the_flow_is_the_captured_one() -> None:
    captured = flow()
    made, changes = rewritten(captured, remove_headers=(b"x",), map_remote=())
    assert made is captured
    assert changes == ()


def test_a_name_for_tls_is_named_when_it_is_another() -> None:
    secure = flow(scheme=b"https")
    _, changes = rewritten(secure, server_name="tls.test")
    assert [each.description for each in changes] == ["TLS asks for tls.test"]
    _, changes = rewritten(secure, server_name="shop.test")
    assert changes == ()

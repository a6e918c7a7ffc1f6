"""Plain http through an upstream proxy: an absolute target, and whose credentials."""

from typing import Any

import pytest

from replayd.model.plan import ChangeKind, ConnectTo
from replayd.planning.proxy import for_upstream
from tests.planning.requests import described, kinds, planned, written

K = ChangeKind


@pytest.mark.parametrize(
    ("request_", "start_line"),
    [
        ({"path": b"/a?b"}, b"GET http://example.test/a?b HTTP/1.1"),
        ({"http_version": b"HTTP/1.0", "headers": ()}, b"GET http://example.test/ HTTP/1.0"),
        (
            {"headers": ((b"x", b"1"), (b"HOST", b"Example.TEST:80"))},
            b"GET http://Example.TEST:80/ HTTP/1.1",
        ),
        (
            {"headers": ((b"Host", b"Example.TEST"),), "port": 81},
            b"GET http://example.test:81/ HTTP/1.1",
        ),
        ({"headers": ((b"Host", b"virtual.test"),)}, b"GET http://example.test/ HTTP/1.1"),
        ({"headers": (), "host": "::1"}, b"GET http://[::1]/ HTTP/1.1"),
        ({"headers": (), "host": "::1", "port": 8080}, b"GET http://[::1]:8080/ HTTP/1.1"),
        ({"method": b"OPTIONS", "path": b"*"}, b"OPTIONS http://example.test HTTP/1.1"),
        ({"path": b"?q"}, b"GET http://example.test?q HTTP/1.1"),
        ({"path": b"@evil.test/"}, b"GET http://example.test/@evil.test/ HTTP/1.1"),
        ({"path": b""}, b"GET http://example.test/ HTTP/1.1"),
        ({"path": b"/a b"}, b"GET http://example.test/a b HTTP/1.1"),
        (
            {"path": b"/x", "authority": b"other.test"},
            b"GET http://example.test/x HTTP/1.1",
        ),
        (
            {"http_version": b"HTTP/2.0", "authority": b"example.test", "headers": ()},
            b"GET http://example.test/ HTTP/1.1",
        ),
    ],
)
def test_the_target_becomes_absolute(request_: dict[str, Any], start_line: bytes) -> None:
    direct = planned(**request_)
    plan = for_upstream(direct, None)
    first, _, rest = plan.head.partition(b"\r\n")
    assert first == start_line
    assert rest == direct.head.partition(b"\r\n")[2]
    change = plan.changes[-1]
    assert change.kind is K.ABSOLUTE_TARGET
    assert start_line.split(b" ", 1)[1].rpartition(b" ")[0].decode() in change.description


@pytest.mark.parametrize(
    "request_",
    [
        {"path": b"/x", "authority": b"Example.test"},
        {
            "method": b"CONNECT",
            "authority": b"Example.test:443",
            "port": 443,
            "path": b"",
            "scheme": b"",
        },
    ],
)
def test_a_target_that_a_proxy_takes_stays(request_: dict[str, Any]) -> None:
    direct = planned(**request_)
    assert for_upstream(direct, None) == direct


def test_a_tunnel_is_asked_for_to_where_the_rules_were_asked_about() -> None:
    asked = {"method": b"CONNECT", "authority": b"169.254.169.254:80", "path": b"", "scheme": b""}
    plan = for_upstream(planned(**asked), None)
    assert plan.head.startswith(b"CONNECT example.test:80 HTTP/1.1\r\n")
    assert kinds(plan) == [K.ABSOLUTE_TARGET]


def test_the_proxy_goes_where_the_user_dials() -> None:
    rule = ConnectTo("", "", 0, "127.0.0.1", 8080)
    plan = for_upstream(planned(connect_to=(rule,)), None)
    assert plan.head.startswith(b"GET http://127.0.0.1:8080/ HTTP/1.1\r\nHost: example.test\r\n")
    assert kinds(plan) == [K.CONNECT_TO, K.ABSOLUTE_TARGET]


CAPTURED = (
    (b"a", b"1"),
    (b"proxy-authorization", b"Basic old"),
    (b"Fold", b"x\r\n y"),
    (b"Proxy-Authorization", b"Basic\r\n older"),
    (b"Proxy-Connection", b"keep-alive"),
)


def test_captured_credentials_go_as_they_are() -> None:
    direct = planned(headers=CAPTURED)
    plan = for_upstream(direct, None)
    assert plan.head.partition(b"\r\n")[2] == direct.head.partition(b"\r\n")[2]
    assert plan.proxy_authorization


def test_the_users_credentials_replace_captured_ones() -> None:
    plan = for_upstream(planned(headers=CAPTURED), b"Basic bmV3")
    assert plan.head.partition(b"\r\n")[2] == (
        b"a: 1\r\nproxy-authorization: Basic bmV3\r\nFold: x\r\n y\r\n"
        b"Proxy-Connection: keep-alive\r\n\r\n"
    )
    assert not plan.proxy_authorization
    assert kinds(plan) == [K.ABSOLUTE_TARGET, K.PROXY_AUTHORIZATION]
    assert described(plan)[1] == "Proxy-Authorization replaced for the upstream"
    assert not any("bmV3" in text or "old" in text for text in described(plan))


def test_the_users_credentials_are_added_where_there_were_none() -> None:
    plan = for_upstream(planned(method=b"POST", content=b"x"), b"Basic bmV3")
    assert written(plan, b"x") == (
        b"POST http://example.test/ HTTP/1.1\r\nHost: example.test\r\nContent-Length: 1\r\n"
        b"Proxy-Authorization: Basic bmV3\r\n\r\nx"
    )
    assert described(plan)[-1] == "Proxy-Authorization added for the upstream"


def test_a_request_without_fields() -> None:
    plan = for_upstream(planned(headers=()), b"Basic x")
    assert plan.head == (
        b"GET http://example.test/ HTTP/1.1\r\nProxy-Authorization: Basic x\r\n\r\n"
    )
    assert for_upstream(planned(headers=()), None).head.endswith(b"HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "head"),
    [
        (
            {"method": b"POST / HTTP/1.1\r\nX:"},
            b"POST / HTTP/1.1\r\nX: http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n",
        ),
        (
            {"path": b"/a\r\nb"},
            b"GET http://example.test/a\r\nb HTTP/1.1\r\nHost: example.test\r\n\r\n",
        ),
        (
            {"headers": ((b"Host", b"example.test\r\n\r\nGET /b"),)},
            b"GET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\nGET /b\r\n\r\n",
        ),
    ],
)
def test_raw_bytes_stay_where_they_are(request_: dict[str, Any], head: bytes) -> None:
    assert for_upstream(planned(raw=True, **request_), None).head == head

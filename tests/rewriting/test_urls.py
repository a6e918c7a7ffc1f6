"""Requests go where they are sent, and to the URL that they are given."""

from typing import Any

import pytest

from replayd.model.flow import Flow
from replayd.model.plan import ChangeKind
from replayd.reasons import Reason
from replayd.rewriting import rules
from replayd.rewriting.rules import Unrewritable
from tests.rewriting.rewriting import HOST, flow, http2, request_of, rewritten

STAGING = rules.target("https://staging.test:8443/v2")


def mapped(given: Flow, *pairs: tuple[str, str]) -> Flow:
    made, _ = rewritten(given, map_remote=[rules.url_rule("", *pair) for pair in pairs])
    return made


def test_a_target_takes_everything_that_names_the_host_along() -> None:
    (made, changes) = rewritten(flow(path=b"/a?b", server_name=""), target=STAGING)
    request = made.request
    assert request is not None
    assert (request.scheme, request.host, request.port) == (b"https", "staging.test", 8443)
    assert (request.path, request.headers) == (b"/v2/a?b", ((b"Host", b"staging.test:8443"),))
    assert [each.description for each in changes] == [
        "http://shop.test -> https://staging.test:8443",
        "/a -> /v2/a",
        "Host set",
    ]
    over_http2 = request_of(http2(), target=rules.target("https://staging.test"))
    assert (over_http2.authority, over_http2.headers) == (b"staging.test", ())
    absolute = request_of(flow(authority=b"shop.test"), target=STAGING)
    assert absolute.authority == b"staging.test:8443"


def test_a_target_takes_the_name_for_tls_along() -> None:
    captured = flow(scheme=b"https", server_name="sni.test")
    made, _ = rewritten(captured, target=STAGING)
    assert made.server_name == ""
    made, _ = rewritten(captured, target=STAGING, server_name="tls.test", host=b"h")
    assert made.server_name == "tls.test"
    made, changes = rewritten(flow(), server_name="tls.test")
    assert (made, changes) == (flow(), ())


def test_a_target_that_is_the_captured_one_changes_nothing() -> None:
    assert rewritten(flow(), target=rules.target("http://shop.test")) == (flow(), ())


@pytest.mark.parametrize(
    ("path", "expected"),
    [(b"*", b"*"), (b"?q", b"/v2?q"), (b"odd", b"/v2/odd"), (b"/", b"/v2/"), (b"//a", b"/v2//a")],
)
def test_a_target_s_path_is_put_before(path: bytes, expected: bytes) -> None:
    assert request_of(flow(path=path), target=STAGING).path == expected


def test_a_tunnel_goes_to_the_target_and_has_no_path() -> None:
    tunnel = flow(method=b"CONNECT", scheme=b"", authority=b"shop.test:443", path=b"")
    made = request_of(tunnel, target=rules.target("https://staging.test/v2"))
    assert (made.scheme, made.authority, made.path) == (b"", b"staging.test:443", b"")
    assert made.headers == ((b"Host", b"staging.test:443"),)
    assert mapped(tunnel, ("shop", "x")) == tunnel
    assert request_of(tunnel, set_query=((b"a", b"1"),)) == tunnel.request


def test_a_mapped_place_is_kept_from_the_target() -> None:
    auth = rules.url_rule("", "^http://shop.test/login", "http://auth.test:81/login")
    path = rules.url_rule("", "/old", "/new")
    both: dict[str, Any] = {"map_remote": (auth, path), "target": STAGING}
    login = request_of(flow(path=b"/login"), **both)
    assert (login.host, login.port, login.path) == ("auth.test", 81, b"/login")
    other = request_of(flow(path=b"/old"), **both)
    assert (other.host, other.path) == ("staging.test", b"/v2/new")


def test_a_url_is_found_by_the_host_that_the_request_names() -> None:
    by_address = flow(host="10.0.0.1", headers=HOST)
    made = mapped(by_address, ("http://shop.test/", "http://shop.test/a/"))
    assert made.request is not None
    # Where it goes has not changed, so neither has the captured address.
    assert (made.request.host, made.request.path) == ("10.0.0.1", b"/a/")
    assert mapped(by_address, (r"10\.0", "x")) == by_address


@pytest.mark.parametrize(
    ("path", "pair", "expected"),
    [
        (b"/a?", ("/a", "/b"), b"/b?"),
        (b"/\xff%20?x=\xe4", ("x=", "y="), b"/\xff%20?y=\xe4"),
        (b"/a", ("a$", "ä"), b"/\xc3\xa4"),
        (b"/a", ("/a$", ""), b"/"),
        (b"/a", ("/a$", "?b"), b"/?b"),
        (b"*", ("shop", "other"), b"*"),
        (b"/1-2", (r"(\d)-(?P<n>\d)", r"\2-\g<1>"), b"/2-1"),
    ],
)
def test_a_mapped_path_is_as_written(path: bytes, pair: tuple[str, str], expected: bytes) -> None:
    made = mapped(flow(path=path), pair)
    assert made.request is not None
    assert made.request.path == expected


def test_rules_of_urls_build_on_each_other() -> None:
    made = mapped(flow(path=b"/a"), ("/a", "/b"), ("/b", "/c"))
    assert made.request is not None
    assert made.request.path == b"/c"


def test_what_is_mapped_to_no_url_is_refused_without_its_query() -> None:
    with pytest.raises(Unrewritable, match="makes no URL") as caught:
        mapped(flow(path=b"/?token=abc"), ("^http:", "ftp:"))
    assert caught.value.reason is Reason.INVALID_TARGET
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/", b"/?a=1%20%26&b="),
        (b"/?", b"/?a=1%20%26&b="),
        (b"/?x=1&a=0&%61=2&+=3&a", b"/?x=1&a=1%20%26&+=3&b="),
        (b"/?b&c=%zz#f?a", b"/?b=&c=%zz&a=1%20%26#f?a"),
    ],
)
def test_a_query_keeps_what_is_not_set(path: bytes, expected: bytes) -> None:
    parameters = ((b"a", b"1 &"), (b"b", b""))
    assert request_of(flow(path=path), set_query=parameters).path == expected


def test_a_parameter_s_name_is_encoded_and_found_in_any_spelling() -> None:
    path = b"/?a+%26=0&a%20%26=1&x"
    made = request_of(flow(path=path), set_query=((b"a &", b"2"), (b"n&", b"")))
    assert made.path == b"/?a%20%26=2&x&n%26="


def test_a_query_is_not_named() -> None:
    _, changes = rewritten(flow(path=b"/a?t=old"), set_query=((b"t", b"new"),))
    assert [(each.kind, each.description) for each in changes] == [
        (ChangeKind.PATH_REWRITTEN, "another query")
    ]


def test_a_captured_host_that_is_none_can_be_mapped() -> None:
    odd = flow(headers=((b"Host", b"a b"),), path=b"/x")
    made = mapped(odd, ("^http://a b/", "http://c.test/"))
    assert made.request is not None
    assert (made.request.host, made.request.path) == ("c.test", b"/x")

"""Cookies as RFC 6265 has them."""

import pytest

from replayd.live.set_cookie import Cookie, pair_of, parse_set_cookie

NOW = 1_700_000_000.0


def parsed(field: bytes, host: str = "www.a.test", path: bytes = b"/x/y") -> Cookie | None:
    return parse_set_cookie(field, host, path, NOW)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"a=b", Cookie(b"a", b"b", "www.a.test", True, b"/x", False, None)),
        (b" a = b c ; Secure", Cookie(b"a", b"b c", "www.a.test", True, b"/x", True, None)),
        (b"a=b=c; path=/", Cookie(b"a", b"b=c", "www.a.test", True, b"/", False, None)),
        (b"a=; Path=x; PATH=/q", Cookie(b"a", b"", "www.a.test", True, b"/q", False, None)),
        (b"a=b; Domain=.A.test", Cookie(b"a", b"b", "a.test", False, b"/x", False, None)),
        (b"alone", Cookie(b"", b"alone", "www.a.test", True, b"/x", False, None)),
        (
            b"a=b; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            Cookie(b"a", b"b", "www.a.test", True, b"/x", False, NOW + 10),
        ),
        (b"a=b; Max-Age=0", Cookie(b"a", b"b", "www.a.test", True, b"/x", False, 0)),
        (
            b"a=b; max-age=soon; expires=Wednesday, 09-Nov-99 23:12:40 GMT",
            Cookie(b"a", b"b", "www.a.test", True, b"/x", False, 942189160),
        ),
        (
            b"a=b; expires=Wed, 15 Nov 2023 22:13:20 GMT; expires=never",
            Cookie(b"a", b"b", "www.a.test", True, b"/x", False, NOW + 86400),
        ),
        (b"a=b; domain=b.test", None),
        (b"a=b; domain=ww.a.test", None),
        (b"=", None),
        (b"a=b\x01", None),
        (b"a=" + b"b" * 4096, None),
    ],
)
def test_what_a_server_sets(field: bytes, expected: Cookie | None) -> None:
    assert parsed(field) == expected


def test_no_domain_within_an_address() -> None:
    assert parsed(b"a=b; domain=0.0.1", "127.0.0.1") is None
    cookie = parsed(b"a=b; domain=127.0.0.1", "127.0.0.1")
    assert cookie is not None
    assert cookie.is_for("127.0.0.1", b"/x", secure=False)


@pytest.mark.parametrize(
    ("field", "host", "path", "secure", "expected"),
    [
        (b"a=b", "www.a.test", b"/x", False, True),
        (b"a=b", "www.a.test", b"/x/z/1", False, True),
        (b"a=b", "www.a.test", b"/xy", False, False),
        (b"a=b", "sub.www.a.test", b"/x", False, False),
        (b"a=b; domain=a.test", "b.a.test", b"/x", False, True),
        (b"a=b; domain=a.test", "ba.test", b"/x", False, False),
        (b"a=b; path=/x/", "www.a.test", b"/x/y", False, True),
        (b"a=b; path=/x/", "www.a.test", b"/x", False, False),
        (b"a=b; secure", "www.a.test", b"/x", False, False),
        (b"a=b; secure", "www.a.test", b"/x", True, True),
    ],
)
def test_which_requests_carry_it(
    field: bytes, host: str, path: bytes, secure: bool, expected: bool
) -> None:
    cookie = parsed(field)
    assert cookie is not None
    assert cookie.is_for(host, path, secure=secure) is expected


def test_loopback_is_secure() -> None:
    for host in ("localhost", "a.localhost", "127.0.0.1", "::1"):
        cookie = parsed(b"a=b; secure", host)
        assert cookie is not None
        assert cookie.is_for(host, b"/x", secure=False)


def test_names_and_values_of_recorded_ones() -> None:
    fields = (b"a=b; Path=/", b" a = b=c", b"alone; x")
    assert list(map(pair_of, fields)) == [(b"a", b"b"), (b"a", b"b=c"), (b"", b"alone")]

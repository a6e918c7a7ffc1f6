"""URLs, hosts and ports."""

import pytest

from replayd.formats.authority import Url, ascii_authority, split_authority, split_url


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [
        ("a.test", "a.test", 80),
        ("a.test:81", "a.test", 81),
        ("a.test:", "a.test", 80),
        ("[::1]", "::1", 80),
        ("[::1]:81", "::1", 81),
        ("", "", 80),
        (":81", "", 81),
        ("a.test:0x51", "a.test", 0),
        ("a.test:-1", "a.test", 0),
        ("a.test:\u0665", "a.test", 0),
        ("a.test:123456", "a.test", 0),
        ("a:b:81", "a:b", 81),
        ("[::1", "[:", 1),
        ("::1]", "::1", 80),
        ("a\nb:81", "a\nb", 81),
    ],
)
def test_an_authority_is_split(authority: str, host: str, port: int) -> None:
    found, number = split_authority(authority, 80)
    assert (found.strip("["), number) == (host.strip("["), port)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (b"HTTP://u:p@a.test:81/x?y#z", Url(b"http", b"u:p", b"a.test:81", b"/x?y", b"#z")),
        (b"https://a.test", Url(b"https", None, b"a.test", b"/", b"")),
        (b"http://a?q@r", Url(b"http", None, b"a", b"/?q@r", b"")),
        (b"http://@a#", Url(b"http", b"", b"a", b"/", b"#")),
        (b"ws://[::1]:9/", Url(b"ws", None, b"[::1]:9", b"/", b"")),
        (b"http:/a", None),
        (b"/x", None),
        (b"", None),
    ],
)
def test_a_url_is_split(url: bytes, parts: Url | None) -> None:
    assert split_url(url) == parts


@pytest.mark.parametrize(
    ("authority", "sent"),
    [
        (b"A.test:80", b"A.test:80"),
        ("m\u00fcnchen.test".encode(), b"xn--mnchen-3ya.test"),
        ("m\u00fcnchen.test:81".encode(), b"xn--mnchen-3ya.test:81"),
        (b"\xff.test", b"\xff.test"),
        (("\u00fc" * 70).encode(), ("\u00fc" * 70).encode()),
    ],
)
def test_a_name_is_sent_in_ascii_where_it_can(authority: bytes, sent: bytes) -> None:
    assert ascii_authority(authority) == sent

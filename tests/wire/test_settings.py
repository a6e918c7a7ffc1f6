"""Settings of the wire, and the upstream's URL."""

import base64

import pytest

from replayd.errors import ConfigError
from replayd.model.plan import Plan, Target
from replayd.wire.settings import Upstream, WireSettings, parse_upstream


@pytest.mark.parametrize(
    ("url", "upstream"),
    [
        ("http://proxy:3128", Upstream("http", "proxy", 3128)),
        ("http://proxy", Upstream("http", "proxy", 80)),
        ("https://proxy/", Upstream("https", "proxy", 443)),
        ("HTTP://[::1]:8080", Upstream("http", "::1", 8080)),
        ("http://a:b@proxy:1", Upstream("http", "proxy", 1, (b"a", b"b"))),
        (
            "http://a%40b:%e9%3A@proxy:1",
            Upstream("http", "proxy", 1, (b"a@b", b"\xe9:")),
        ),
        ("socks5://proxy:9050", Upstream("socks5", "proxy", 9050)),
        ("socks5h://[::1]", Upstream("socks5", "::1", 1080)),
        ("socks5://%e9:p%3A@proxy", Upstream("socks5", "proxy", 1080, (b"\xe9", b"p:"))),
        ("http://a@proxy:1", Upstream("http", "proxy", 1, (b"a", b""))),
    ],
)
def test_reads_an_upstream(url: str, upstream: Upstream) -> None:
    assert parse_upstream(url) == upstream


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("proxy:3128", "it must begin with http://, https:// or socks5://"),
        ("socks4://proxy:1080", "it must begin with .*, not with socks4://"),
        ("socks5h://", "it has no host; write socks5://HOST:PORT"),
        ("socks5://user@proxy", "a user and a password of 1 to 255 bytes each"),
        ("socks5://:word@proxy", "a user and a password of 1 to 255 bytes each"),
        (f"socks5://u:{'x' * 256}@proxy", "a user and a password of 1 to 255 bytes each"),
        ("http://", "no host"),
        ("http://:3128", "no host"),
        ("http://proxy:99999", "the port must be a number from 1 to 65535"),
        ("http://proxy:0", "the port must be"),
        ("http://user:secret", "the port must be"),
        ("http://proxy:1/path", "a proxy has no path"),
        ("http://proxy:1?x", "a proxy has no path"),
        ("http://[::1", "it is no URL"),
    ],
)
def test_refuses_what_is_no_upstream(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match="--upstream: .*" + message.replace("?", r"\?")):
        parse_upstream(url)


def test_credentials_as_an_http_proxy_wants_them() -> None:
    assert parse_upstream("http://a%40b:%e9@proxy:1").authorization == b"Basic YUBiOuk="
    assert parse_upstream("http://proxy:1").authorization is None


UPSTREAMS = [None, "http://proxy", "https://u:p@proxy", "socks5://u:p@proxy"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("url", UPSTREAMS)
def test_only_http_proxies_want_plain_http_otherwise(url: str | None, scheme: str) -> None:
    plan = Plan(b"GET", b"", Target(scheme, "a", 1), b"GET / HTTP/1.1\r\n\r\n")
    settings = WireSettings(upstream=parse_upstream(url) if url else None)
    sent = settings.as_sent(plan)
    if scheme == "http" and url in UPSTREAMS[1:3]:
        assert sent.head.startswith(b"GET http://a:1/ HTTP/1.1\r\n")
        assert (b"Proxy-Authorization: Basic dTpw\r\n" in sent.head) == ("u:p" in url)
    else:
        assert sent is plan


def test_what_needs_a_tunnel_is_not_the_proxy_s_to_take() -> None:
    target = Target("http", "a", 1, tunnelled=True)
    settings = WireSettings(upstream=parse_upstream("http://proxy"))
    plan = Plan(b"GET", b"", target, b"GET / HTTP/1.1\r\n\r\n")
    assert settings.as_sent(plan) is plan


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_credentials_are_never_shown(scheme: str) -> None:
    upstream = parse_upstream(f"{scheme}://user:secret@proxy:3128")
    assert upstream.name == f"{scheme}://proxy:3128"
    shown = repr(WireSettings(upstream=upstream)) + str(upstream)
    assert "secret" not in shown
    assert base64.b64encode(b"user:secret").decode() not in shown


def test_an_error_does_not_show_credentials() -> None:
    for url in (
        "http://user:secret@proxy:3128/path",
        "http://user:secret",
        "user:secret@proxy:3128",
        "http://user:a@secret:b@proxy:secret",
    ):
        with pytest.raises(ConfigError) as caught:
            parse_upstream(url)
        assert "secret" not in str(caught.value)

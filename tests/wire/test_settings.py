"""Settings of the wire, and the upstream's URL."""

import base64

import pytest

from replayd.errors import ConfigError
from replayd.wire.settings import Upstream, WireSettings, parse_upstream


@pytest.mark.parametrize(
    ("url", "upstream"),
    [
        ("http://proxy:3128", Upstream("http", "proxy", 3128)),
        ("http://proxy", Upstream("http", "proxy", 80)),
        ("https://proxy/", Upstream("https", "proxy", 443)),
        ("HTTP://[::1]:8080", Upstream("http", "::1", 8080)),
        ("http://a:b@proxy:1", Upstream("http", "proxy", 1, b"Basic " + base64.b64encode(b"a:b"))),
        (
            "http://a%40b:%e9%3A@proxy:1",
            Upstream("http", "proxy", 1, b"Basic " + base64.b64encode(b"a@b:\xe9:")),
        ),
        ("http://a@proxy:1", Upstream("http", "proxy", 1, b"Basic " + base64.b64encode(b"a:"))),
    ],
)
def test_reads_an_upstream(url: str, upstream: Upstream) -> None:
    assert parse_upstream(url) == upstream


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("proxy:3128", "scheme 'proxy' is not supported; use http:// or https://"),
        ("socks5://proxy:1080", "scheme 'socks5' is not supported"),
        ("http://", "no host"),
        ("http://:3128", "no host"),
        ("http://proxy:99999", "not a URL"),
        ("http://proxy:0", "port 0 can't be dialled"),
        ("http://proxy:1/path", "a proxy has no path"),
        ("http://proxy:1?x", "a proxy has no path"),
        ("http://[::1", "not a URL"),
    ],
)
def test_refuses_what_is_no_upstream(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match="--upstream: .*" + message.replace("?", r"\?")):
        parse_upstream(url)


def test_credentials_are_never_shown() -> None:
    upstream = parse_upstream("http://user:secret@proxy:3128")
    assert upstream.name == "http://proxy:3128"
    shown = repr(WireSettings(upstream=upstream)) + str(upstream)
    assert "secret" not in shown
    assert base64.b64encode(b"user:secret").decode() not in shown


def test_an_error_does_not_show_credentials() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_upstream("http://user:secret@proxy:3128/path")
    assert "secret" not in str(caught.value)

"""URLs as curl takes them; beside curl itself in test_request."""

import pytest

from replayd.formats.curl.url import Target, UrlError, target


def of(url: str, *, globoff: bool = False, path_as_is: bool = False) -> Target:
    return target(url.encode(), globoff=globoff, path_as_is=path_as_is)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("h.test", Target("http", "h.test", 80, b"h.test", b"/", None)),
        ("HTTPS://H.Test:443?q#f", Target("https", "H.Test", 443, b"H.Test", b"/?q", None)),
        ("http:/h:0081/x", Target("http", "h", 81, b"h:81", b"/x", None)),
        ("http://u%20s:p@h/", Target("http", "h", 80, b"h", b"/", b"u s:p")),
        ("http://[::1]:8080/x", Target("http", "::1", 8080, b"[::1]:8080", b"/x", None)),
        ("http://bücher.test/ä?ö", Target("http", "bücher.test", 80, b"xn--bcher-kva.test",
                                          b"/%c3%a4?\xc3\xb6", None)),
        ("http://h/a\\[b\\]\\{c\\}", Target("http", "h", 80, b"h", b"/a[b]{c}", None)),
        ("http://h:99999/", Target("http", "h", 99999, b"h:99999", b"/", None)),
        ("http://h:x/", Target("http", "h", 0, b"h:x", b"/", None)),
    ],
)  # fmt: skip
def test_a_url_says_where_to_go(url: str, found: Target) -> None:
    assert of(url) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [("/a/../b/./c", "/b/c"), ("/a/..", "/"), ("/..", "/"), ("/a/.", "/a/"), ("//a//../b", "//a/b"),
     ("/.a/..b", "/.a/..b"), ("/a/%2e%2e", "/a/%2e%2e")],
)  # fmt: skip
def test_dots_are_removed(path: str, found: str) -> None:
    assert of(f"http://h{path}").path == found.encode()
    assert of(f"http://h{path}", path_as_is=True).path == path.encode()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h/{a,b}", "stands for several"),
        ("http://h/[1-3]", "stands for several"),
        ("ftp://h/", "no URL of http or https"),
        ("http://h/a b", "holds a blank"),
        ("http://h/\n", "holds a blank"),
        ("", "has no host"),
        ("?x", "has no host"),
    ],
)
def test_what_is_no_single_url_is_refused(url: str, said: str) -> None:
    with pytest.raises(UrlError, match=said):
        of(url)


def test_globbing_can_be_off() -> None:
    assert of("http://h/{a}[b]", globoff=True).path == b"/{a}[b]"

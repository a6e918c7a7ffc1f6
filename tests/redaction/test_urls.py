import time

import pytest

from replayd.redaction.marks import Marks
from replayd.redaction.names import Names
from replayd.redaction.urls import redact_pairs, redact_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/a?b=c", "http://h/a?b=c"),
        ("https://user:pw@h:1/", "https://<7>@h:1/"),
        ("//user@h/", "//<4>@h/"),
        ("user:pw@h:443", "<7>@h:443"),
        ("/@alice?x=y@z", "/@alice?x=y@z"),
        ("/p?token=abc&b=1&access_token=d", "/p?token=<3>&b=1&access_token=<1>"),
        ("/p?user%5Bpassword%5D=abc", "/p?user%5Bpassword%5D=<3>"),
        ("/p?%74oken=abc", "/p?%74oken=<3>"),
        ("/p;jsessionid=abc?x=1", "/p;jsessionid=<7>"),
        ("/cb#id_token=abc&state=1", "/cb#id_token=<3>&state=1"),
        ("/?key=&sig=", "/?key=&sig="),
        ("/?to=/x?token=abc&b=1", "/?to=/x?token=<3>&b=1"),
        (
            "/?to=https%3A%2F%2Fh%2F%3Ftoken%3Dabc%26x%3d1",
            "/?to=https%3A%2F%2Fh%2F%3Ftoken%3D<3>%26x%3d1",
        ),
        (
            '<https://h/?page=2&api_key=abc>; rel="next"',
            '<https://h/?page=2&api_key=<3>>; rel="next"',
        ),
    ],
)
def test_urls(url: str, shown: str) -> None:
    marked = shown.replace("<h", "<\0h")
    for size in range(10):
        marked = marked.replace(f"<{size}>", f"‹redacted {size}B›")
    found = redact_url(url.encode(), Names().is_secret, Marks())
    assert found.decode() == marked.replace("\0", "")


@pytest.mark.parametrize("piece", [b"x", b"a=", b"%3D", b"a%3D", b"?", b"//x", "‹".encode()])
def test_hostile_urls_take_no_longer_than_their_size(piece: bytes) -> None:
    began = time.process_time()
    redact_url(piece * (65536 // len(piece)) + b"@=", Names().is_secret, Marks())
    assert time.process_time() - began < 1


def test_a_form() -> None:
    form = b"grant_type=password&username=u&password=p+w%21&next=%2F"
    shown = redact_pairs(form, Names().is_secret, Marks())
    assert shown.decode() == form.decode().replace("p+w%21", "‹redacted 6B›")

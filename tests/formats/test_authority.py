"""Hosts and ports."""

import pytest

from replayd.formats.authority import split_authority


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

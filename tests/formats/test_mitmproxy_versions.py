"""The way of an old state to the newest version, and what is said of the others."""

import re
from typing import Any

import pytest

from replayd.formats.fields import FieldError
from replayd.formats.mitmproxy_steps import STEPS
from replayd.formats.mitmproxy_versions import (
    NEWEST,
    OLDEST,
    WRITERS,
    UnsupportedVersionError,
    migrate,
)


def state(version: Any) -> dict[bytes, Any]:
    return {b"version": version, b"client_conn": {}, b"server_conn": {}}


OLD = [version for version in WRITERS if version in STEPS]


@pytest.mark.parametrize("version", OLD, ids=str)
def test_every_version_leads_to_the_newest(version: Any) -> None:
    assert migrate(state(version))[b"version"] == NEWEST


def test_the_oldest_version_is_the_first_that_has_a_step() -> None:
    assert OLD[0] == OLDEST
    assert list(STEPS) == OLD


@pytest.mark.parametrize("version", [(0, 18, 2), (0, 18, 2, "dev"), (0, 18)])
def test_two_numbers_tell_a_version_of_old(version: Any) -> None:
    assert migrate(state(version))[b"version"] == NEWEST


def test_the_newest_version_stays_as_it_is() -> None:
    newest = {**state(NEWEST), b"mode": "regular"}
    assert migrate(newest) is newest


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (22, "version 22 is newer than what this replayd reads (21): update replayd"),
        (
            (0, 10, 1),
            "version 0.10, written by mitmproxy 0.10, is older than what this replayd reads (0.11",
        ),
        ((0, 8), "version 0.8, written by mitmproxy 0.8, is older than"),
        (0, "version 0 is not a version of mitmproxy's flow format"),
        (3, "version 3 is not a version"),
        (-1, "version -1 is not a version"),
        ((9, 9), "version 9.9 is not a version"),
        pytest.param(10**4000, "version 1" + "0" * 39 + " is newer than", id="many digits"),
    ],
)
def test_other_versions_are_named(version: Any, said: str) -> None:
    with pytest.raises(UnsupportedVersionError, match=re.escape(said)):
        migrate(state(version))


@pytest.mark.parametrize("version", [None, "21", b"21", True, 21.0, (), (1,), ("0", 18)])
def test_what_is_no_version(version: Any) -> None:
    with pytest.raises(FieldError, match="'version' must be"):
        migrate(state(version))
    with pytest.raises(FieldError, match="'version' is missing"):
        migrate({})


def test_every_version_has_a_writer() -> None:
    assert set(range(4, NEWEST + 1)) <= set(WRITERS)

"""The way of an old state to the newest version, and what is said of the others."""

import copy
from typing import Any

import pytest

from replayd.formats.fields import FieldError
from replayd.formats.mitmproxy_versions import (
    NEWEST,
    STEPS,
    WRITERS,
    UnsupportedVersionError,
    migrate,
)


def state(version: Any, client: dict[bytes, Any], server: dict[bytes, Any]) -> dict[bytes, Any]:
    return {b"version": version, b"client_conn": client, b"server_conn": server}


def test_18_to_19_renames_and_fills() -> None:
    old = state(
        18,
        {
            b"address": (b"::1", 1),
            b"cipher_name": "c",
            b"tls_established": True,
            b"tls_extensions": (),
            b"timestamp_start": None,
            b"state": 3,
        },
        {
            b"ip_address": ("1.2.3.4", 443),
            b"source_address": ("5.6.7.8", 9),
            b"via2": None,
            b"address": ("example.test", 443),
            b"sni": True,
            b"tls_version": "QUIC",
        },
    )
    before = copy.deepcopy(old)
    assert migrate(old) == state(
        21,
        {
            b"peername": (b"::1", 1),
            b"cipher": "c",
            b"timestamp_start": 0.0,
            b"transport_protocol": "tcp",
        },
        {
            b"peername": ("1.2.3.4", 443),
            b"sockname": ("5.6.7.8", 9),
            b"via": None,
            b"address": ("example.test", 443),
            b"sni": "example.test",
            b"tls_version": "QUICv1",
            b"transport_protocol": "tcp",
        },
    )
    assert old == before, "a step is pure"


def test_a_server_name_of_no_address_is_none() -> None:
    migrated = migrate(state(18, {}, {b"sni": True, b"address": None}))
    server = migrated[b"server_conn"]
    assert isinstance(server, dict)
    assert server[b"sni"] is None


@pytest.mark.parametrize("version", [18, 19, 20])
def test_each_step_leads_to_the_next_version(version: int) -> None:
    assert STEPS[version](state(version, {}, {}))[b"version"] == version + 1


def test_the_newest_version_stays_as_it_is() -> None:
    newest = state(NEWEST, {b"state": 1}, {})
    assert migrate(newest) is newest


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (22, "version 22 is newer than what this replayd reads (21)"),
        (17, "version 17, written by mitmproxy 8.1, is older than .* (18 to 21): convert"),
        ((0, 18, 2), "version 0.18, written by mitmproxy 0.18, is older"),
        ((3, 0), "version 3.0, written by mitmproxy 3.0"),
        (0, "version 0 is not a version of mitmproxy's flow format"),
        (-1, "version -1 is not a version"),
        ((9, 9), "version 9.9 is not a version"),
    ],
)
def test_other_versions_are_named(version: Any, said: str) -> None:
    pattern = said.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(UnsupportedVersionError, match=pattern):
        migrate(state(version, {}, {}))


@pytest.mark.parametrize("version", [None, "21", b"21", True, 21.0, (), (1,), ("0", 18)])
def test_what_is_no_version(version: Any) -> None:
    with pytest.raises(FieldError, match="'version' must be"):
        migrate(state(version, {}, {}))
    with pytest.raises(FieldError, match="'version' is missing"):
        migrate({})


def test_a_state_without_connections_is_no_old_state() -> None:
    with pytest.raises(FieldError, match="'client_conn' is missing"):
        migrate({b"version": 20})


def test_every_version_has_a_writer() -> None:
    assert set(range(4, NEWEST + 1)) <= set(WRITERS)

"""The versions of mitmproxy's flow format: which are read, and the way to the newest.

A flow's state is migrated step by step, each step a pure function from one version to
the next, until it is of version NEWEST. A further old version is one more row of STEPS.
A step changes what the reader of the newest version looks at and the names of fields;
it works in place on a state that nobody else holds.
"""

from collections.abc import Callable

from replayd.formats.fields import FieldError, Structure, require, substructure
from replayd.formats.tnetstring import Value

NEWEST = 21
"""Written by mitmproxy 11 and 12."""

WRITERS: dict[int | tuple[int, ...], str] = {
    **{(0, minor): f"0.{minor}" for minor in range(8, 20)},
    (1, 0): "1.0",
    (2, 0): "2.0",
    (3, 0): "3.0",
    4: "a development version before 4.0",
    5: "a development version before 4.0",
    6: "a development version before 4.0",
    7: "4.0 to 5.1",
    8: "5.2",
    9: "5.3",
    10: "6.0",
    11: "a development version before 7.0",
    12: "a development version before 7.0",
    13: "a development version before 7.0",
    14: "7.0",
    15: "8.0",
    16: "a development version before 8.1",
    17: "8.1",
    18: "9.0",
    19: "a development version before 10.0",
    20: "10",
    21: "11 and 12",
}
"""Which mitmproxy wrote which version."""


class UnsupportedVersionError(Exception):
    """The state is of a version that is not read; the text says what to do."""


def migrate(state: Structure) -> None:
    """Brings a state to version NEWEST, in place.

    Raises UnsupportedVersionError, and FieldError when the state is not what its version
    says.
    """
    version = _version(require(state, b"version"))
    while version != NEWEST:
        step = STEPS.get(version)
        if step is None:
            raise UnsupportedVersionError(_unsupported(version))
        version = step(state)


def _version(value: Value) -> int | tuple[int, ...]:
    if type(value) is int:
        return value
    # Up to 3.0: mitmproxy's own version; only its first two numbers count.
    if isinstance(value, list) and len(value) >= 2:
        numbers = [number for number in value[:2] if type(number) is int]
        if len(numbers) == 2:
            return tuple(numbers)
    raise FieldError("'version' must be an integer or a list of integers")


def _unsupported(version: int | tuple[int, ...]) -> str:
    if isinstance(version, int) and version > NEWEST:
        return (
            f"version {version} is newer than what this replayd reads ({NEWEST}): "
            "update replayd, or write the capture with an older mitmproxy"
        )
    name = version if isinstance(version, int) else ".".join(map(str, version))
    if version not in WRITERS:
        return f"version {name} is not a version of mitmproxy's flow format"
    return (
        f"version {name}, written by mitmproxy {WRITERS[version]}, is older than what this "
        f"replayd reads ({min(STEPS)} to {NEWEST}): convert the capture with a mitmproxy of "
        "today: mitmdump -nr OLD -w NEW"
    )


def _18_to_19(state: Structure) -> int:
    client, server = substructure(state, b"client_conn"), substructure(state, b"server_conn")
    _rename(client, b"address", b"peername")
    _rename(client, b"cipher_name", b"cipher")
    if client.get(b"timestamp_start") is None:
        client[b"timestamp_start"] = 0.0
    _rename(server, b"ip_address", b"peername")
    _rename(server, b"source_address", b"sockname")
    _rename(server, b"cipher_name", b"cipher")
    _rename(server, b"via2", b"via")
    if server.get(b"sni") is True:
        # Stood for "the address's host".
        address = server.get(b"address")
        server[b"sni"] = address[0] if isinstance(address, list) and address else None
    for connection in (client, server):
        for gone in (b"tls_established", b"tls_extensions"):
            connection.pop(gone, None)
        connection.setdefault(b"transport_protocol", "tcp")
    return 19


def _rename(structure: Structure, old: bytes, new: bytes) -> None:
    if old in structure:
        structure[new] = structure.pop(old)


def _19_to_20(state: Structure) -> int:
    for name in (b"client_conn", b"server_conn"):
        substructure(state, name).pop(b"state", None)
    return 20


def _20_to_21(state: Structure) -> int:
    for name in (b"client_conn", b"server_conn"):
        connection = substructure(state, name)
        if connection.get(b"tls_version") == "QUIC":
            connection[b"tls_version"] = "QUICv1"
    return 21


STEPS: dict[int | tuple[int, ...], Callable[[Structure], int]] = {
    18: _18_to_19,
    19: _19_to_20,
    20: _20_to_21,
}
"""Each version's step to the next; a step returns the version that it made."""

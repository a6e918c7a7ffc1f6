"""The versions of mitmproxy's flow format: which are read, and the way to the newest.

A flow's state is migrated step by step until it is of version NEWEST. A step is a pure
function from a state of one version to a state of the next: it copies what it changes. A
further old version is one more row of STEPS.
"""

from collections.abc import Callable

from replayd.formats.fields import FieldError, Structure, require, substructure
from replayd.formats.tnetstring_parser import Value

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


def migrate(state: Structure) -> Structure:
    """Brings a state to version NEWEST; what is given stays as it is.

    Raises UnsupportedVersionError, and FieldError when the state is not what its version
    says.
    """
    version = _version(require(state, b"version"))
    while version != NEWEST:
        step = STEPS.get(version)
        if step is None:
            raise UnsupportedVersionError(_unsupported(version))
        state = step(state)
        version = _version(state[b"version"])
    return state


def _version(value: Value) -> int | tuple[int, ...]:
    if type(value) is int:
        return value
    # Up to 3.0: mitmproxy's own version; only its first two numbers count.
    if isinstance(value, tuple) and len(value) >= 2:
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


def _with_connections(
    state: Structure, version: int, change: Callable[[bytes, Structure], object]
) -> Structure:
    """Copies a state and its connections, lets `change` work on the copies of these."""
    changed = {**state, b"version": version}
    for name in (b"client_conn", b"server_conn"):
        connection = dict(substructure(state, name))
        change(name, connection)
        changed[name] = connection
    return changed


def _18_to_19(state: Structure) -> Structure:
    def change(name: bytes, connection: Structure) -> None:
        for old, new in _RENAMED_IN_19[name]:
            if old in connection:
                connection[new] = connection.pop(old)
        for gone in (b"tls_established", b"tls_extensions"):
            connection.pop(gone, None)
        connection.setdefault(b"transport_protocol", "tcp")
        if name == b"client_conn" and connection.get(b"timestamp_start") is None:
            connection[b"timestamp_start"] = 0.0
        if connection.get(b"sni") is True:
            # Stood for "the address's host".
            address = connection.get(b"address")
            connection[b"sni"] = address[0] if isinstance(address, tuple) and address else None

    return _with_connections(state, 19, change)


_RENAMED_IN_19 = {
    b"client_conn": ((b"address", b"peername"), (b"cipher_name", b"cipher")),
    b"server_conn": (
        (b"ip_address", b"peername"),
        (b"source_address", b"sockname"),
        (b"cipher_name", b"cipher"),
        (b"via2", b"via"),
    ),
}


def _19_to_20(state: Structure) -> Structure:
    return _with_connections(state, 20, lambda _, connection: connection.pop(b"state", None))


def _20_to_21(state: Structure) -> Structure:
    def change(_: bytes, connection: Structure) -> None:
        if connection.get(b"tls_version") == "QUIC":
            connection[b"tls_version"] = "QUICv1"

    return _with_connections(state, 21, change)


STEPS: dict[int | tuple[int, ...], Callable[[Structure], Structure]] = {
    18: _18_to_19,
    19: _19_to_20,
    20: _20_to_21,
}
"""Each version's step to the next."""

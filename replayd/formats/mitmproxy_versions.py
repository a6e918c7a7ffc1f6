"""The versions of mitmproxy's flow format: which are read, and the way to the newest.

A flow's state is migrated step by step (`mitmproxy_steps`) until it is of version NEWEST.
Knows whose version it is and what to say of one that is not read, not what changed.
"""

from replayd.formats.fields import FieldError, Structure, require
from replayd.formats.mitmproxy_edits import Version
from replayd.formats.mitmproxy_steps import STEPS
from replayd.formats.tnetstring_parser import Value

OLDEST = (0, 11)
"""Written by mitmproxy 0.11, of 2014."""

NEWEST = 21
"""Written by mitmproxy 11 and 12."""

WRITERS: dict[Version, str] = {
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


def _version(value: Value) -> Version:
    if type(value) is int:
        return value
    # Up to 3.0: mitmproxy's own version; only its first two numbers count.
    if isinstance(value, tuple) and len(value) >= 2:
        numbers = [number for number in value[:2] if type(number) is int]
        if len(numbers) == 2:
            return tuple(numbers)
    raise FieldError("'version' must be an integer or a list of integers")


def _unsupported(version: Version) -> str:
    name = _name(version)
    if isinstance(version, int) and version > NEWEST:
        return (
            f"version {name} is newer than what this replayd reads ({NEWEST}): "
            "update replayd, or write the capture with an older mitmproxy"
        )
    if version not in WRITERS:
        return f"version {name} is not a version of mitmproxy's flow format"
    return (
        f"version {name}, written by mitmproxy {WRITERS[version]}, is older than what this "
        f"replayd reads ({_name(OLDEST)} to {NEWEST}), and later releases of mitmproxy don't "
        "read it either: capture the traffic again"
    )


def _name(version: Version) -> str:
    name = str(version) if isinstance(version, int) else ".".join(map(str, version))
    return name[:40]

"""The judge: whether what arrived is what was captured, byte for byte.

One judge for the tests, for replayd and for mitmproxy. It sees a captured request and
bytes; who sent them, and what it said of them, it does not know.
"""

from typing import NamedTuple

from tools.fidelity.allowed import allowed
from tools.fidelity.captured import Captured

SHOWN = 32
"""Bytes shown on either side of a difference."""


class Verdict(NamedTuple):
    """What became of one request."""

    changes: frozenset[str] = frozenset()
    """The kinds of the allowed changes that it shows."""
    wrong: str = ""
    """What else is different, for people; empty: nothing."""

    @property
    def identical(self) -> bool:
        """Whether it arrived as it was captured."""
        return not self.changes and not self.wrong


def judge(captured: Captured, arrived: bytes, server_name: str | None) -> Verdict:
    """Compares a request with all its bytes that arrived, and the name that TLS asked for."""
    name = other_name(captured.expected_server_name, server_name)
    if arrived == captured.own_bytes():
        return Verdict(wrong=name)
    changed, kinds = allowed(captured)
    if arrived == changed:
        return Verdict(kinds, name)
    return Verdict(wrong="; ".join(filter(None, [first_difference(changed, arrived), name])))


def other_name(expected: str | None, asked: str | None) -> str:
    """How the name that TLS asked for differs; case means nothing (RFC 6066 section 3)."""
    same = (asked or "").lower() == (expected or "").lower()
    return "" if same else f"TLS asked for {asked!r}, not {expected!r}"


def first_difference(expected: bytes, arrived: bytes) -> str:
    """Where two byte strings begin to differ, for people."""
    shorter = min(len(expected), len(arrived))
    at = next((i for i in range(shorter) if expected[i] != arrived[i]), shorter)
    since = max(0, at - SHOWN)
    window = slice(since, at + SHOWN)
    return f"from byte {at}: {expected[window]!r} arrived as {arrived[window]!r}"

"""A request's bytes on their way to a transport. Pure.

Small requests are one piece. Large content comes from an iterator, a piece at a time, as
fast as the transport takes it. With `Expect: 100-continue` the head goes first and the
content is held back until it is released.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from replayd.model.plan import Plan, framed
from replayd.wire.transport import Transport

_CLOSES = re.compile(rb"\nconnection:[^\n]*\bclose\b", re.IGNORECASE)
_KEEPS = re.compile(rb"\nconnection:[^\n]*\bkeep-alive\b", re.IGNORECASE)
_BINDS = re.compile(rb"\n(?:proxy-)?authorization:[ \t]*(?:ntlm|negotiate)\b", re.IGNORECASE)


class Traits(NamedTuple):
    """What a request's head says about its connection."""

    keeps: bool
    """The server may keep it open (RFC 9112 section 9.3)."""
    binds: bool
    """It authenticates the connection itself (NTLM, Negotiate)."""


def traits(head: bytes) -> Traits:
    """Looks at a request's head."""
    first_line = head[: head.find(b"\n")]
    if first_line.rstrip().endswith(b" HTTP/1.0"):
        keeps = _KEEPS.search(head) is not None
    else:
        keeps = _CLOSES.search(head) is None
    return Traits(keeps, _BINDS.search(head) is not None)


class RequestWriter:
    """Writes one request."""

    def __init__(self, plan: Plan, content: Iterable[bytes], *, whole: bool) -> None:
        """`whole`: the content is in memory, so the request can be one piece."""
        self.done = False
        """Every byte was handed to the transport."""
        self.started = False
        """At least one byte was."""
        self.held = plan.expect_continue
        """The content waits for `release`."""
        after = framed(plan, content)
        if whole and not self.held:
            self._rest: Iterator[bytes] = iter(())
            self._piece = memoryview(b"".join(chain((plan.head,), after)))
        else:
            self._rest = after
            self._piece = memoryview(plan.head)

    def release(self) -> None:
        """Lets the content go."""
        self.held = False

    def write(self, transport: Transport) -> int:
        """Writes as much as the transport takes now; returns how much."""
        total = 0
        while not self.done:
            if not self._piece:
                if self.held or not self._next():
                    break
                continue
            size = transport.send(self._piece)
            if not size:
                break
            self.started = True
            total += size
            self._piece = self._piece[size:]
        return total

    @property
    def waiting(self) -> bool:
        """Whether there is something to write once the transport takes it."""
        return not self.done and not (self.held and not self._piece)

    def _next(self) -> bool:
        piece = next(self._rest, None)
        if piece is None:
            self.done = True
            return False
        self._piece = memoryview(piece)
        return True

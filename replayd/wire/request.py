"""A request's bytes on their way to a transport. Pure.

Small requests are one piece. Large content comes from an iterator, a piece at a time, as
fast as the transport takes it. With `Expect: 100-continue` the head goes first and the
content is held back until it is released.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from replayd.model.plan import Framing, Plan, framed
from replayd.wire.transport import Transport

_TELLING = re.compile(rb"\n(?:connection|(?:proxy-)?authorization):", re.IGNORECASE)
"""Few heads have such fields; the others need no second look."""
_AT_ONCE = 1024 * 1024
"""Bytes after which others, and the response, get their turn, however fast a server reads."""

_CLOSES = re.compile(rb"\nconnection:[^\n]*\bclose\b", re.IGNORECASE)
_KEEPS = re.compile(rb"\nconnection:[^\n]*\bkeep-alive\b", re.IGNORECASE)
_BINDS = re.compile(rb"\n(?:proxy-)?authorization:[ \t]*(?:ntlm|negotiate)\b", re.IGNORECASE)


class Traits(NamedTuple):
    """What a request's head says about its connection."""

    keeps: bool
    """The server may keep it open (RFC 9112 section 9.3)."""
    binds: bool
    """It authenticates the connection itself (NTLM, Negotiate)."""


_KEPT = Traits(keeps=True, binds=False)


def traits(head: bytes) -> Traits:
    """Looks at a request's head."""
    if b" HTTP/1.0" not in head and _TELLING.search(head) is None:
        return _KEPT
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
        self._rest: Iterator[bytes] | None = None
        self._piece: bytes | memoryview = plan.head
        if not whole or self.held:
            self._rest = framed(plan, content)
        elif plan.framing is not Framing.NONE:
            self._piece = b"".join(chain((plan.head,), framed(plan, content)))

    def skip(self, size: int | None) -> None:
        """Leaves out so many bytes (None: all) that were written already of a request that is
        one piece.
        """
        self.started = size != 0
        self._piece = b"" if size is None else memoryview(self._piece)[size:]
        if not self._piece:
            self._next()

    def release(self) -> None:
        """Lets the content go."""
        self.held = False

    def write(self, transport: Transport) -> int:
        """Writes as much as the transport takes now, but not for long; returns how much."""
        total = 0
        while not self.done and total < _AT_ONCE:
            piece = self._piece
            if piece:
                size = transport.send(piece)
                if not size:
                    break
                self.started = True
                total += size
                if size < len(piece):
                    self._piece = memoryview(piece)[size:]
                    continue
                self._piece = b""
            if self.held:
                break
            self._next()
        return total

    @property
    def waiting(self) -> bool:
        """Whether there is something to write once the transport takes it."""
        return not self.done and not (self.held and not self._piece)

    def _next(self) -> None:
        piece = next(self._rest, None) if self._rest is not None else None
        if piece is None:
            self.done = True
        else:
            self._piece = piece

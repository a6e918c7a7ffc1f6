"""The interface of what reads a response. Pure.

A reader belongs to one exchange. It is fed what comes, in whatever pieces, and answers the
same for every way of cutting. `http1.H11Reader` is the reference; `plain.PlainReader` is
faster where it can be.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.reasons import Reason
from replayd.wire.settings import WireSettings


class ResponseReader(Protocol):
    """Reads one response; its attributes hold what has been understood so far."""

    head: ResponseHead | None
    """The final response's head, once it came."""
    continued: bool
    """A `100 Continue` came."""
    complete: bool
    """The response is whole; nothing more is expected."""
    trailers: Headers
    lenient: bool
    """The response bends HTTP's rules in a way that readers put up with."""
    declared_length: bool
    """The content's length was said in advance; False before the head came."""
    reusable: bool
    """Once complete: the server keeps the connection and sent nothing after the response."""
    idle_seconds: int | None
    """How long the server promised to keep it (`Keep-Alive: timeout=N`); None: not said."""
    bound: bool
    """The response asks to authenticate the connection itself (NTLM, Negotiate)."""

    def feed(self, data: bytes, write: Callable[[bytes], object]) -> None:
        """Takes what came (nothing: the server closed) and writes the content in it.

        Raises WireError: INVALID_RESPONSE, HEAD_TOO_LARGE or CLOSED_EARLY; content that
        came before the fault was written. After that the reader is of no more use.
        """


class ConnectionFacts(NamedTuple):
    """What a response's fields say about its connection and the end of its content."""

    options: tuple[bytes, ...]
    """Of Connection, in lower case (RFC 9110 section 7.6.1)."""
    lengths: tuple[bytes, ...]
    """Values of Content-Length."""
    codings: tuple[bytes, ...]
    """Values of Transfer-Encoding."""
    idle_seconds: int | None
    bound: bool


_FOLD = re.compile(rb"\r?\n[ \t]+")
_LINE_END = re.compile(rb"\r?\n")
_KEEP_ALIVE_TIMEOUT = re.compile(rb"\btimeout\s*=\s*(\d{1,6})\b", re.IGNORECASE)


def connection_facts(fields: Iterable[tuple[bytes, bytes]]) -> ConnectionFacts:
    """Looks through fields, with names in lower case."""
    options: list[bytes] = []
    lengths, codings = [], []
    idle_seconds, bound = None, False
    for name, value in fields:
        if name == b"content-length":
            lengths.append(value)
        elif name == b"connection":
            options += [token.strip().lower() for token in value.split(b",")]
        elif name == b"transfer-encoding":
            codings.append(value)
        elif name == b"keep-alive":
            promise = _KEEP_ALIVE_TIMEOUT.search(value)
            idle_seconds = int(promise[1]) if promise else None
        elif name in (b"www-authenticate", b"proxy-authenticate"):
            bound |= value.lower().startswith((b"ntlm", b"negotiate"))
    return ConnectionFacts(tuple(options), tuple(lengths), tuple(codings), idle_seconds, bound)


def fields_of(head: bytes) -> Headers:
    """Returns the fields of a well-formed head as they were written. Folded lines are joined."""
    lines = _LINE_END.split(_FOLD.sub(b" ", head))[1:-2]
    fields = (line.partition(b":") for line in lines)
    return tuple((name, value.strip(b" \t")) for name, _, value in fields)


def check_interims(count: int, size: int, settings: WireSettings) -> None:
    """Raises WireError HEAD_TOO_LARGE when more interim responses, or bytes of them, came before
    the response than anybody needs.
    """
    if count > settings.interim_limit or size > settings.interim_size_limit:
        raise WireError(
            Reason.HEAD_TOO_LARGE,
            f"{count} interim responses of {size} bytes came, "
            f"more than {settings.interim_limit} or {settings.interim_size_limit} bytes",
        )

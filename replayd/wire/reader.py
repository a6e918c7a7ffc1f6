"""The interface of what reads a response. Pure.

A reader belongs to one exchange. It is fed what comes, in whatever pieces, and answers the
same for every way of cutting. `http1.H11Reader` is the reference.
"""

from collections.abc import Callable
from typing import Protocol

from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead


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

"""A plan: exactly which bytes go where when a flow is replayed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum


class Framing(IntEnum):
    """How the end of the content is marked, numbered as `flowreplay.v1.Framing`."""

    NONE = 0
    CONTENT_LENGTH = 1
    CHUNKED = 2
    RAW = 3


class ChangeKind(IntEnum):
    """Kinds of changes, numbered as `flowreplay.v1.ChangeKind`."""

    HTTP_VERSION = 1
    COOKIES_JOINED = 2
    CONTENT_LENGTH = 3
    CHUNK_SIZES = 4
    ABSOLUTE_TARGET = 5
    PROXY_AUTHORIZATION = 6
    CONNECT_TO = 7
    FIELD_REMOVED = 8


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between what was captured and what is sent."""

    kind: ChangeKind
    description: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. Hashable: the pool keeps connections by target."""

    scheme: str
    """`http` or `https`."""
    host: str
    port: int
    server_name: str = ""
    """What TLS asks for (SNI) and verifies; empty for http."""
    dial_host: str = ""
    """Dialled in place of `host`; empty: `host` itself."""
    dial_port: int = 0
    """Dialled in place of `port`; 0: `port` itself."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to dial."""
        return self.dial_host or self.host, self.dial_port or self.port


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be sent: `head`, then the content as `framed` says."""

    method: bytes
    url: bytes
    """For people: scheme, Host as captured, path."""
    target: Target
    head: bytes
    """Start line, fields, empty line, as written."""
    framing: Framing = Framing.NONE
    content_size: int = 0
    """Bytes of the content before framing."""
    trailer_section: bytes = b""
    """Trailer fields (each with CRLF) written after the last chunk."""
    changes: tuple[Change, ...] = ()
    idempotent: bool = True
    """RFC 9110 section 9.2.2: may be sent again."""
    expect_continue: bool = False
    flow_index: int = 0
    flow_id: str = ""
    recorded_status_code: int = 0
    """0: no response was recorded."""
    proxy_authorization: bool = False
    """The head holds Proxy-Authorization fields of the capture."""


def framed(plan: Plan, content: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the bytes after the head: the content with its framing (RFC 9112 section 7)."""
    if plan.framing is Framing.NONE:
        return
    if plan.framing is not Framing.CHUNKED:
        yield from content
        return
    if plan.content_size:
        yield b"%x\r\n" % plan.content_size
        yield from content
        yield b"\r\n"
    yield b"0\r\n" + plan.trailer_section + b"\r\n"


@dataclass(frozen=True, slots=True)
class ConnectTo:
    """A rule of `--connect-to`: dial another address. Empty or 0 parts match all."""

    scheme: str
    host: str
    port: int
    dial_host: str
    dial_port: int

    def matches(self, scheme: str, host: str, port: int) -> bool:
        """Tells whether the rule is about this target; hosts match without case."""
        return (
            self.scheme in ("", scheme)
            and self.host.lower() in ("", host.lower())
            and self.port in (0, port)
        )

"""A captured request, and its own bytes: what must arrive when nothing has to change.

Knows captures as their readers give them; nothing of how replayd plans a request.
"""

import ipaddress
from dataclasses import dataclass

from replayd.model.flow import Flow, Headers

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Captured:
    """The request of a flow that can be replayed."""

    method: bytes
    scheme: str
    host: str
    port: int
    path: bytes
    authority: bytes
    """Of an absolute-form or HTTP/2 request; else empty."""
    version: bytes
    fields: Headers
    content: bytes
    trailers: Headers = ()
    server_name: str = ""
    """The recorded SNI; empty: none."""

    @classmethod
    def of(cls, flow: Flow) -> "Captured":
        """The request of a flow that has one, with its content."""
        request = flow.request
        assert request is not None
        assert request.content is not None
        return cls(
            method=request.method,
            scheme=request.scheme.decode() or "http",
            host=request.host,
            port=request.port,
            path=request.path,
            authority=request.authority,
            version=request.http_version,
            fields=request.headers,
            content=request.content,
            trailers=request.trailers,
            server_name=flow.server_name,
        )

    @property
    def http2(self) -> bool:
        """Whether it was HTTP/2 or HTTP/3, which have no bytes that HTTP/1 could repeat."""
        return self.version.upper().startswith((b"HTTP/2", b"HTTP/3", b"H2", b"H3"))

    @property
    def target(self) -> bytes:
        """The request target in its captured form (RFC 9112 section 3.2)."""
        if self.method == b"CONNECT":
            return self.authority or f"{bracketed(self.host)}:{self.port}".encode()
        if self.authority and not self.http2:
            return b"%b://%b%b" % (self.scheme.encode(), self.authority, self.path)
        return self.path

    @property
    def expected_server_name(self) -> str | None:
        """What TLS has to ask for; None: nothing, for an address is no name (RFC 6066)."""
        name = self.server_name or self.host
        return None if self.scheme != "https" or is_address(name) else name.removesuffix(".")

    @property
    def codings(self) -> list[bytes]:
        """Its transfer codings, in lower case."""
        named = b",".join(self.values(b"transfer-encoding")).lower().split(b",")
        return [coding for each in named if (coding := each.partition(b";")[0].strip(b" \t\r\n"))]

    @property
    def chunked(self) -> bool:
        """Whether chunks mark the content's end (RFC 9112 section 6.1)."""
        return self.codings[-1:] == [b"chunked"]

    def values(self, name: bytes) -> list[bytes]:
        """The values of a field, named in lower case."""
        return [value for other, value in self.fields if is_field(other, name)]

    def own_bytes(self) -> bytes | None:
        """Every byte as captured; None when the capture does not hold them: HTTP/2 has no
        such bytes, and the sizes of chunks are not kept.
        """
        if self.http2 or (self.chunked and self.content):
            return None
        return self.assembled()

    def assembled(self) -> bytes:
        """Every byte in the form of HTTP/1, the content in one chunk where it is chunked."""
        start = b"%b %b %b\r\n" % (self.method, self.target, self.version)
        content = self._chunks() if self.chunked else self.content
        return start + section(self.fields) + b"\r\n" + content

    def _chunks(self) -> bytes:
        size = len(self.content)
        chunk = b"%x\r\n%b\r\n" % (size, self.content) if size else b""
        return chunk + b"0\r\n" + section(self.trailers) + b"\r\n"


def section(fields: Headers) -> bytes:
    """Fields as lines."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)


def is_field(name: bytes, wanted: bytes) -> bool:
    """Whether a name is this (lower-case) one for a lenient server: without case and the
    space around it.
    """
    return name.strip().lower() == wanted


def bracketed(host: str) -> str:
    """A host as authorities have it."""
    return f"[{host}]" if ":" in host else host


def is_address(host: str) -> bool:
    """Whether a host is a literal address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

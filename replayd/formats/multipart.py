"""Multipart contents (RFC 2046 section 5.1, RFC 7578), put together from their parts."""

from collections.abc import Iterable
from typing import NamedTuple


class Part(NamedTuple):
    """A part of a form."""

    name: bytes
    content: bytes
    file_name: bytes | None = None
    content_type: bytes = b""


def multipart(parts: Iterable[Part], boundary: bytes, disposition: bytes = b"form-data") -> bytes:
    """Puts parts together as browsers and curl do."""
    made = bytearray()
    for part in parts:
        made += b'--%b\r\nContent-Disposition: %b; name="%b"' % (
            boundary,
            disposition,
            _in_quotes(part.name),
        )
        if part.file_name is not None:
            made += b'; filename="%b"' % _in_quotes(part.file_name)
        if part.content_type:
            made += b"\r\nContent-Type: " + _in_quotes(part.content_type)
        made += b"\r\n\r\n%b\r\n" % part.content
    return bytes(made + b"--%b--\r\n" % boundary)


def _in_quotes(octets: bytes) -> bytes:
    """Escapes what would end a name (HTML standard, multipart/form-data encoding)."""
    return octets.replace(b"\n", b"%0A").replace(b"\r", b"%0D").replace(b'"', b"%22")

"""Captured requests for the tests of the judge."""

from typing import Any

from tools.fidelity.captured import Captured

HOST = (b"Host", b"a.test")


def length(text: bytes) -> tuple[bytes, bytes]:
    return (b"Content-Length", text)


def coding(text: bytes) -> tuple[bytes, bytes]:
    return (b"Transfer-Encoding", text)


def captured(*fields: tuple[bytes, bytes], **changes: Any) -> Captured:
    """A POST with these fields; `changes` are other attributes."""
    usual: dict[str, Any] = {
        "method": b"POST",
        "scheme": "http",
        "host": "a.test",
        "port": 80,
        "path": b"/x",
        "authority": b"",
        "version": b"HTTP/1.1",
        "fields": fields,
        "content": b"",
    }
    return Captured(**{**usual, **changes})


def lines(*fields: bytes, start: bytes = b"POST /x HTTP/1.1") -> bytes:
    """A head of these lines."""
    return b"".join(line + b"\r\n" for line in (start, *fields, b""))

"""Header fields of captured messages, found by name as a lenient server would find them:
without regard to case, and to the space that must not stand around a name.
"""

from collections.abc import Iterator

from replayd.model.flow import Headers


def values_of(headers: Headers, name: bytes) -> Iterator[bytes]:
    """Yields the values of the fields of this (lower-case) name, without blanks around."""
    return (value.strip(b" \t") for other, value in headers if other.strip().lower() == name)


def value_of(headers: Headers, name: bytes) -> bytes:
    """Returns the first value of the fields of this (lower-case) name; empty: there is none."""
    return next(values_of(headers, name), b"")


def members_of(headers: Headers, name: bytes) -> list[bytes]:
    """Returns the members of the lists in these fields (RFC 9110 section 5.6.1), lower-case."""
    members = b",".join(values_of(headers, name)).lower().split(b",")
    return [stripped for member in members if (stripped := member.strip())]


def without(headers: Headers, name: bytes) -> Headers:
    """Returns the fields but for those of this (lower-case) name."""
    return tuple(pair for pair in headers if pair[0].strip().lower() != name)


def content_length(headers: Headers) -> int | None:
    """Returns what Content-Length says; None where it says nothing, or no one number."""
    members = set(members_of(headers, b"content-length"))
    if len(members) != 1:
        return None
    [said] = members
    return int(said) if said.isdigit() and len(said) < 19 else None


def is_websocket(headers: Headers, status_code: int) -> bool:
    """Tells whether a request with these fields, so answered, opened a WebSocket (RFC 6455)."""
    return status_code == 101 and b"websocket" in members_of(headers, b"upgrade")

"""A section of header fields, looked at once for all that planning asks of it.

Many flows of a capture have the same fields, so what was seen in some is remembered.
"""

import re
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from replayd.model.flow import Headers

LINE_ENDS = re.compile(rb"[\r\n\0]")
"""In HTTP/2 also in a value: a proxy that writes it as HTTP/1 would make more than one field
of it (RFC 9113 section 8.2.1)."""
_VALUE_ENDS = re.compile(rb"\n(?![ \t])")
"""The end of a field's line: a line feed, with CR or alone (RFC 9112 section 2.2 lets
servers take one for the other), that no folded continuation follows."""

_REMEMBERED, _REMEMBERED_BYTES = 1024, 4096
"""How many sections are remembered, and the bytes of one."""


class Section(NamedTuple):
    """What is to be known of header fields."""

    names: frozenset[bytes]
    """The plain names of all fields."""
    written: bytes
    """As HTTP/1 has it."""
    size: int
    """Bytes of names and values."""
    host: bytes
    """The value of the first Host field; empty: there is none."""
    unsafe: str
    """What would make two requests of one over HTTP/1; empty: nothing."""
    unsafe_http2: str
    """The same over HTTP/2."""


_known: dict[Headers, Section] = {}


def section_of(headers: Headers) -> Section:
    """Looks at fields, unless the same ones were looked at before."""
    found = _known.get(headers)
    if found is None:
        found = _look_at(headers)
        if found.size <= _REMEMBERED_BYTES:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[headers] = found
    return found


def written(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Writes fields as HTTP/1 has them."""
    return b"".join([b"%b: %b\r\n" % pair for pair in fields])


def field_lines(section: bytes) -> list[bytes]:
    """Cuts the fields of a written head apart, each with its line end and its folded
    continuations; the empty line at its end is left out.
    """
    lines: list[bytes] = []
    for line in section.removesuffix(b"\r\n").split(b"\r\n")[:-1]:
        if lines and line.startswith((b" ", b"\t")):
            lines[-1] += line + b"\r\n"
        else:
            lines.append(line + b"\r\n")
    return lines


def plain(name: bytes) -> bytes:
    """Returns a captured name as a lenient server would see it: without regard to case, and
    to the space that must not stand around it.
    """
    return name.strip().lower()


def shown(octets: bytes) -> str:
    """Returns the beginning of captured bytes for a message."""
    return repr(octets[:80].decode("latin-1"))


def _look_at(headers: Headers) -> Section:
    octets = b"".join(chain.from_iterable(headers))
    # One search over all names and values: most sections are safe.
    safe = LINE_ENDS.search(octets) is None
    hosts = (value for name, value in headers if name.lower() == b"host")
    return Section(
        names=frozenset([plain(name) for name, _ in headers]),
        written=written(headers),
        size=len(octets),
        host=next(hosts, b""),
        unsafe="" if safe else _unsafe(headers, _VALUE_ENDS, "the end of a line"),
        unsafe_http2=(
            "" if safe else _unsafe(headers, LINE_ENDS, "CR, LF or NUL, and it may leave as HTTP/2")
        ),
    )


def _unsafe(headers: Headers, ends: re.Pattern[bytes], what: str) -> str:
    if any(LINE_ENDS.search(name) for name, _ in headers):
        return "a field's name holds CR, LF or NUL"
    found = next((name for name, value in headers if ends.search(value)), None)
    return "" if found is None else f"the value of the field {shown(found)} holds {what}"

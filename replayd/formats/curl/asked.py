"""What the options of a curl command ask for, up to its end or a --next.

Knows what each option means and where its value may come from, not how a request is made
of it. What a command line does not hold (files, variables) makes a request unknown, or its
content missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from replayd.formats.curl.form import FileError, form_part, form_string
from replayd.formats.curl.options import Option, UsageError, options
from replayd.formats.curl.shell import Command, Word
from replayd.formats.multipart import Part

_HEADER = re.compile(rb"([^:;]+)([:;]) ?(.*)", re.DOTALL)

_VERSIONS = {
    "http1.0": b"HTTP/1.0",
    "http1.1": b"HTTP/1.1",
    "http2": b"HTTP/2",
    "http2-prior-knowledge": b"HTTP/2.0",
    "http3": b"HTTP/3",
    "http3-only": b"HTTP/3",
}


_VALUES = frozenset({"oauth2-bearer", "range", "referer", "request", "user", "user-agent"})
"""Options whose value may be empty, and means something then."""


@dataclass(slots=True)
class Asked:
    """What the options ask for."""

    urls: list[bytes] = field(default_factory=list)
    headers: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    """Fields of one's own; None for a value takes the field out."""
    data: bytearray | None = None
    json: bool = False
    parts: list[Part] | None = None
    """Of a form."""
    missing: bool = False
    """Some of the content is in a file."""
    cookies: list[bytes] = field(default_factory=list)
    queries: list[bytes] = field(default_factory=list)
    switches: set[str] = field(default_factory=set)
    """Options without a value."""
    values: dict[str, bytes] = field(default_factory=dict)
    """Options of which the last one counts."""
    version: bytes = b"HTTP/1.1"
    """HTTP/2 where TLS settles it, HTTP/2.0 where it is outright."""


def asked(command: Command, notes: list[str]) -> Iterator[Asked]:
    """Yields what a command asks for; adds to `notes` what of it was ignored.

    Raises UsageError and FormError.
    """
    reader = _Reader(command.stdin, notes)
    for option in options(command.words):
        if option.name == "next" and not reader.asked.urls:
            # Nothing came before it; curl goes on with what was said so far.
            continue
        if option.name == "next":
            yield reader.asked
            reader.asked = Asked()
        elif option.effective:
            reader.take(option)
        elif not option.harmless:
            notes.append(f"--{option.name} is no part of a request and was ignored")
    yield reader.asked


class _Reader:
    """Takes the options one after the other."""

    def __init__(self, stdin: Word | None, notes: list[str]) -> None:
        self._stdin = stdin
        self._notes = notes
        self.asked = Asked()

    def take(self, option: Option) -> None:
        """Takes an option that says what the request is."""
        asked, name, value = self.asked, option.name, option.value.text
        if option.value.unknown:
            raise UsageError(f"it holds {option.value.unknown}, which only the shell knew")
        match name:
            case "url":
                if value.startswith(b"^"):
                    raise UsageError("it was copied for the cmd of Windows: copy it for bash")
                asked.urls.append(value)
            case "header":
                self._header(value)
            case "data" | "data-ascii" | "data-binary" | "data-raw" | "data-urlencode" | "json":
                self._data(name, value)
            case "form" | "form-string":
                self._form(name, value)
            case "cookie":
                self._cookie(value)
            case "url-query":
                self._query(value)
            case "upload-file":
                asked.switches.add(name)
                self._missing(value)
            case "config":
                raise UsageError(f"options are in the file {_shown(value)}")
            case _ if name in _VERSIONS:
                asked.version = _VERSIONS[name]
            case _ if value or name in _VALUES:
                asked.values[name] = value
            case _:
                asked.switches.add(name)

    def _header(self, value: bytes) -> None:
        if value.startswith(b"@"):
            raise UsageError(f"fields are in the file {_shown(value[1:])}")
        found = _HEADER.fullmatch(value)
        if found is None or (found[2] == b";" and found[3].strip()):
            self._notes.append(f"{_shown(value)} is no field: curl ignores it")
        elif found[2] == b";":
            self.asked.headers.append((found[1], b""))
        else:
            self.asked.headers.append((found[1], found[3] if found[3].strip() else None))

    def _query(self, value: bytes) -> None:
        known, self.asked.missing = self.asked.missing, False
        raw = value.startswith(b"+")
        self.asked.queries.append(value[1:] if raw else self._urlencoded(value))
        if self.asked.missing:
            raise UsageError("part of its URL is in a file")
        self.asked.missing = known

    def _data(self, name: str, value: bytes) -> None:
        asked = self.asked
        asked.json |= name == "json"
        if name == "data-urlencode":
            value = self._urlencoded(value)
        elif name != "data-raw" and value.startswith(b"@"):
            value = self._from_file(value[1:])
            if name in ("data", "data-ascii"):
                value = re.sub(rb"[\r\n\0]", b"", value)
        if asked.data is None:
            asked.data = bytearray()
        elif name != "json":
            asked.data += b"&"
        asked.data += value

    def _urlencoded(self, value: bytes) -> bytes:
        """Encodes CONTENT, =CONTENT, NAME=CONTENT, @FILE or NAME@FILE."""
        found = re.search(rb"[=@]", value)
        if found is None:
            return quote_plus(value).encode()
        name, content = value[: found.start()], value[found.end() :]
        if found[0] == b"@":
            content = self._from_file(content)
        encoded = quote_plus(content).encode()
        return name + b"=" + encoded if name else encoded

    def _form(self, name: str, value: bytes) -> None:
        parts = self.asked.parts = self.asked.parts or []
        try:
            form = form_string(value) if name == "form-string" else form_part(value, self._notes)
            parts.append(form)
        except FileError as error:
            self._missing(error.file)

    def _cookie(self, value: bytes) -> None:
        if b"=" in value and not value.startswith(b"@"):
            self.asked.cookies.append(value)
        elif value:
            self._notes.append(f"the cookies in the file {_shown(value)} are not known")

    def _from_file(self, name: bytes) -> bytes:
        if name == b"-" and self._stdin is not None and not self._stdin.unknown:
            return self._stdin.text
        self._missing(name)
        return b""

    def _missing(self, name: bytes) -> None:
        self.asked.missing = True
        where = f"the file {_shown(name)}"
        if name in (b"-", b"."):
            where = (self._stdin and self._stdin.unknown) or "the terminal"
        self._notes.append(f"content is read from {where}, which the capture does not have")


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("utf-8", "replace"))

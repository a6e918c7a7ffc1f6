"""Header fields: credentials, cookies, URLs; and the heads that they stand in."""

from replayd.model.flow import Headers
from replayd.redaction.marks import Marks
from replayd.redaction.names import Kind, Names
from replayd.redaction.urls import redact_url

_SCHEMES = frozenset(
    (
        b"basic bearer digest negotiate ntlm dpop hawk mutual apikey token "
        b"aws4-hmac-sha256 privatetoken vapid hoba"
    ).split()
)
"""Of credentials (RFC 9110 section 11.1): they tell how, not what."""

_ATTRIBUTES = frozenset(
    (
        b"expires max-age domain path secure httponly samesite partitioned priority version comment"
    ).split()
)
"""Of Set-Cookie (RFC 6265 section 4.1); a value of any other is none of the server's rules."""

_REMEMBERED, _REMEMBERED_BYTES = 4096, 512
"""How many lines of heads are remembered, and the bytes of one: captures repeat theirs."""


def fields_of(head: bytes) -> Headers:
    """Reads the fields of a head as far as its lines are such."""
    lines = (line.partition(b":") for line in head.split(b"\n")[1:])
    return tuple([(name, value.strip()) for name, colon, value in lines if colon])


class Fields:
    """Redacts header fields."""

    def __init__(self, names: Names, mark: Marks) -> None:
        self._names = names
        self._mark = mark
        self._lines: dict[bytes, bytes] = {}

    def value(self, kind: int, value: bytes) -> bytes:
        """Returns a field's value as it may be shown."""
        if kind == Kind.SECRET:
            return self._mark(value)
        if kind == Kind.CREDENTIALS:
            return self._credentials(value)
        if kind == Kind.COOKIE:
            return b";".join(map(self._pair, value.split(b";")))
        if kind == Kind.SET_COOKIE:
            pair, *attributes = value.split(b";")
            return b";".join([self._pair(pair), *map(self._attribute, attributes)])
        if kind == Kind.URL:
            return self._url(value)
        return value

    def fields(self, headers: Headers) -> Headers:
        """Returns fields as they may be shown; the same ones when that is all."""
        shown = tuple(
            [(name, self.value(self._names.kind(name), value)) for name, value in headers]
        )
        return headers if shown == headers else shown

    def head(self, head: bytes) -> bytes:
        """Returns a request's head as it may be shown; `section` does the lines below the
        first one.
        """
        start, end, section = head.partition(b"\n")
        return self.start(start) + end + self.section(section)

    def start(self, line: bytes) -> bytes:
        """Returns a request's first line as it may be shown."""
        method, space, rest = line.partition(b" ")
        return method + space + self._url(rest)

    def section(self, section: bytes) -> bytes:
        """Returns lines of fields as they may be shown; whatever ends them stays."""
        lines = section.split(b"\n")
        shown: list[bytes] = []
        folded: int = Kind.PLAIN
        for line in lines:
            if line[:1] in (b" ", b"\t") and Kind.PLAIN < folded < Kind.CONTENT_TYPE:
                shown.append(self._folded(line))
                continue
            if len(line) > 1:
                folded = self._names.kind(line.partition(b":")[0])
            known = self._lines.get(line)
            shown.append(self._line(line) if known is None else known)
        return section if shown == lines else b"\n".join(shown)

    def _line(self, line: bytes) -> bytes:
        name, colon, rest = line.partition(b":")
        if colon and b" " not in name.strip():
            before, value, after = _apart(rest)
            shown = name + colon + before + self.value(self._names.kind(name), value) + after
        else:
            # A second request in the first one, or what is no field at all.
            shown = self._url(line)
        if len(line) <= _REMEMBERED_BYTES:
            if len(self._lines) >= _REMEMBERED:
                self._lines.clear()
            self._lines[line] = shown
        return shown

    def _folded(self, line: bytes) -> bytes:
        before, value, after = _apart(line)
        return before + self._mark(value) + after

    def _credentials(self, value: bytes) -> bytes:
        scheme, space, rest = value.partition(b" ")
        if space and scheme.lower() in _SCHEMES:
            return scheme + space + self._mark(rest)
        return self._mark(value)

    def _pair(self, pair: bytes) -> bytes:
        name, equals, value = pair.partition(b"=")
        if not equals:
            before, stripped = pair[: len(pair) - len(pair.lstrip())], pair.lstrip()
            return before + self._mark(stripped)
        return name + equals + self._mark(value)

    def _attribute(self, attribute: bytes) -> bytes:
        name = attribute.partition(b"=")[0].strip().lower()
        return attribute if name in _ATTRIBUTES else self._pair(attribute)

    def _url(self, value: bytes) -> bytes:
        return redact_url(value, self._names.is_secret, self._mark)


def _apart(text: bytes) -> tuple[bytes, bytes, bytes]:
    """Parts a value from the space around it."""
    rest = text.lstrip(b" \t\r")
    value = rest.rstrip(b" \t\r")
    return text[: len(text) - len(rest)], value, rest[len(value) :]

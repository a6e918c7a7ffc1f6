"""A request as it is written for an editor, to the one that the editor would send."""

import base64
import re
from collections.abc import Iterator
from typing import NamedTuple

from replayd.formats.authority import ascii_authority, split_url
from replayd.formats.header_fields import content_length, members_of, value_of
from replayd.formats.http1_flows import destination, in_origin_form
from replayd.formats.http1_messages import MessageError, parse_head, request_body
from replayd.model.flow import Headers, Request

MAX_FILLED = 1 << 20
"""Bytes that the variables of a part may stand for."""

MAX_FILLED_IN_ALL = 64 << 20
"""Bytes that the variables of all parts of a file may stand for: some bytes say a MiB."""

_LINE = re.compile(rb"[^\n]*\n?")
_COMMENT = re.compile(rb"[ \t]*(?:#|//)")
_VARIABLE = re.compile(rb"\{\{[ \t]*+([^{}\r\n]{1,200})\}\}")
_METHOD = re.compile(rb"([^\s:/]++)[ \t]++(?=\S)")
_VERSION = re.compile(rb"(?<=[ \t])HTTP/[0-9](?:\.[0-9])?\Z")
_AFTERWARDS = re.compile(rb"^(?:> \{%|> \S+\.js\b|>>!? |<> )", re.MULTILINE)
"""What editors do with the response."""
_INCLUDED = re.compile(rb"^<@?\w*[ \t]+\S", re.MULTILINE)
"""A file's content, in the place of this line."""
_BASIC = re.compile(rb"Basic[ \t]++(?:([^\s:]++)[ \t]++(\S.*)|([^\s:]*+:.*))", re.IGNORECASE)
_DIGEST = re.compile(rb"Digest[ \t]++[^\s=,]++[ \t]++\S++", re.IGNORECASE)
"""User and password in the clear, of which editors make what a server expects."""


class WrittenError(Exception):
    """What is written is no request that could be sent; the text says why."""


class Variables:
    """The variables of a file, and what they may still stand for."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._left = MAX_FILLED_IN_ALL

    def define(self, name: bytes, value: bytes) -> None:
        """Gives a variable a value, which may be made of others'."""
        try:
            self._values[name] = self.fill(value)
        except WrittenError:
            # Made of one that has no value: it has none either.
            self._values.pop(name, None)

    def fill(self, text: bytes) -> bytes:
        """Returns text with the values of variables in their places. Raises WrittenError."""
        added = 0

        def value(found: re.Match[bytes]) -> bytes:
            nonlocal added
            name = found[1].rstrip(b" \t")
            known = self._values.get(name)
            if known is None:
                named = name.decode("utf-8", "replace")
                raise WrittenError(f"the variable {named!r:.80} has no value in the file")
            added += len(known)
            limit = min(MAX_FILLED, self._left)
            if added > limit:
                raise WrittenError(f"its variables stand for more than {limit} bytes")
            return known

        filled = _VARIABLE.sub(value, text)
        self._left -= added
        return filled


class _Parts(NamedTuple):
    """The parts of what is written, each as it stands."""

    first_line: bytes
    fields: bytes
    content: bytes


def written_request(section: bytes, variables: Variables, notes: list[str]) -> Request:
    """Makes the request of a section; adds to `notes` what was odd.

    Raises WrittenError, and MessageError for fields that are none.
    """
    parts = _Parts(*map(variables.fill, _parts(section)))
    method, url, version = _first_line(parts.first_line)
    head = parse_head(b"x\r\n" + parts.fields + b"\r\n")
    headers = tuple(_fields(head.headers, notes))
    if method == b"GRAPHQL" or value_of(headers, b"x-request-type").lower() == b"graphql":
        raise WrittenError("editors make JSON of a GraphQL query: write down what they send")
    where = destination(method, _target(url, notes), headers)
    if where.authority and not any(name.lower() == b"host" for name, _ in headers):
        # HTTP/1.1 has none without Host (RFC 9112 section 3.2).
        headers = ((b"Host", ascii_authority(where.authority)), *headers)
    request = Request(
        method=method,
        scheme=where.scheme,
        host=where.host,
        port=where.port,
        path=where.path,
        http_version=b"HTTP/2.0" if version == b"HTTP/2" else version,
        headers=headers,
        content=_content(parts.content, headers, notes),
        authority=where.authority,
    )
    return in_origin_form(request)


def _parts(section: bytes) -> _Parts:
    """Takes a section apart: its first line with what goes on below, fields, content."""
    first: list[bytes] = []
    fields: list[bytes] = []
    for found in _LINE.finditer(section):
        line = found[0]
        text = line.strip()
        if not first or (not fields and line[:1] in b" \t" and text[:1] in (b"?", b"&")):
            first.append(text)
        elif not text:
            return _Parts(b"".join(first), b"".join(fields), section[found.end() :])
        elif not _COMMENT.match(line):
            fields.append(line.rstrip(b"\r\n") + b"\r\n")
    return _Parts(b"".join(first), b"".join(fields), b"")


def _first_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns method, URL and version. Raises WrittenError."""
    method = _METHOD.match(line)
    rest = line[method.end() :] if method else line
    version = _VERSION.search(rest, max(len(rest) - len(b" HTTP/1.1"), 0))
    url = (rest[: version.start()] if version else rest).rstrip(b" \t")
    if not url or url[:1].isspace():
        raise WrittenError(f"it begins with {line[:60]!r}, not with a URL")
    return method[1] if method else b"GET", url, version[0] if version else b"HTTP/1.1"


def _fields(written: Headers, notes: list[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yields the fields that are sent for those that are written."""
    for name, said in written:
        value = said.strip(b" \t")
        if name.lower() == b"authorization" and (basic := _BASIC.fullmatch(value)):
            user = basic[3] if basic[1] is None else b"%b:%b" % basic.group(1, 2)
            yield name, b"Basic " + base64.b64encode(user)
        elif name.lower() == b"authorization" and _DIGEST.fullmatch(value):
            notes.append("Digest answers what a server asks for: Authorization is left out")
        else:
            yield name, value


def _target(url: bytes, notes: list[str]) -> bytes:
    """Returns a URL as a request's target: without what is never sent."""
    if url.startswith(b"/") or url == b"*":
        notes.append("no scheme is said: it is sent with http")
        return url
    parts = split_url(url)
    if parts is None:
        notes.append("no scheme is said: it is sent with http")
        parts = split_url(b"http://" + url)
    if parts is None or not parts.authority or parts.scheme not in (b"http", b"https"):
        raise WrittenError(f"{url[:60]!r} is no URL of http or https")
    if parts.user is not None:
        notes.append("user and password in the URL are left out")
    if parts.fragment:
        notes.append(f"the URL's fragment {parts.fragment[:60]!r} is never sent")
    if b" " in parts.path:
        notes.append("blanks in the URL, which none can have, are sent as %20")
    return b"%b://%b%b" % (parts.scheme, parts.authority, parts.path.replace(b" ", b"%20"))


def _content(written: bytes, headers: Headers, notes: list[str]) -> bytes | None:
    """Returns the content; None when it is in a file."""
    afterwards = _AFTERWARDS.search(written)
    if afterwards is not None:
        written = written[: afterwards.start()]
        notes.append("what the file does with the response is left out")
    if _INCLUDED.search(written):
        notes.append("the content is in another file, which the capture does not have")
        return None
    content_type = value_of(headers, b"content-type").lower()
    if content_type.startswith(b"multipart/"):
        written = re.sub(rb"(?<!\r)\n", b"\r\n", written)
    elif content_type.startswith(b"application/x-www-form-urlencoded"):
        written = re.sub(rb"\r?\n(?=&)|(?<=&)\r?\n", b"", written)
    return _framed(written, headers)


def _framed(written: bytes, headers: Headers) -> bytes:
    """Returns the content without its framing, or the line ends that follow it."""
    size = content_length(headers)
    if size is not None and len(written) >= size and not written[size:].strip(b"\r\n"):
        return written[:size]
    if b"chunked" in members_of(headers, b"transfer-encoding"):
        head = parse_head(b"x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            body = request_body(bytes(head.end) + written, head)
        except MessageError:
            # Written down without chunks.
            body = None
        if body is not None and body.content is not None:
            return body.content
    return written.rstrip(b"\r\n")

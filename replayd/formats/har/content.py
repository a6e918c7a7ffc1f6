"""The bytes of the contents in a HAR, which has them as text.

Text goes back to bytes in the charset that it was decoded from. That is seldom said
outright, but a HAR tells sizes too (`bodySize`, `content.size`, Content-Length), and a
charset that gives exactly the size is the right one. What has a size but no text was left
out by the tool: such a content is None, not empty.

A content that was compressed is in a HAR as it was before. The compressed bytes can't be
made again, so that Content-Encoding, which would be wrong now, is left out with them.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Callable
from encodings import normalize_encoding
from encodings.aliases import aliases

from replayd.formats.fields import FieldError
from replayd.formats.har import form, values
from replayd.formats.har.values import Object
from replayd.formats.header_fields import content_length, members_of, value_of, without
from replayd.model.flow import Headers

_CHARSET = re.compile(rb";\s*charset\s*=\s*[\"']?([a-z0-9_.:-]{1,40})", re.IGNORECASE)

_CODECS = re.compile(
    r"ascii|big5|cp(125\d|866|874|932|949)|euc_(jp|kr)|gb(18030|2312|k)|iso2022_jp|"
    r"iso8859-\d+|koi8-[ru]|mac-(cyrillic|roman)|shift_jis|utf-16-[bl]e|utf-8"
)
"""Of Python's codecs, those that the Encoding standard of the web knows too."""

_NAMES = frozenset(aliases) | frozenset(aliases.values())
"""Python looks for a module for each other name, and remembers it for good."""

_GUESSED = ("utf-8", "iso8859-1", "cp1252")

_MAGIC = {
    b"gzip": (b"\x1f\x8b",),
    b"x-gzip": (b"\x1f\x8b",),
    b"deflate": (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"),
    b"zstd": (b"\x28\xb5\x2f\xfd",),
}
"""How data in a content coding begins (RFC 9110 section 8.4.1, RFC 8878); br has no mark."""


def request_content(
    request: Object, headers: Headers, note: Callable[[str], None]
) -> tuple[bytes | None, Headers]:
    """Returns a request's content, None where the HAR left it out, and its fields."""
    post = values.subobject(request, "postData")
    size = _size(request, "bodySize", headers)
    said = values.optional_text(post, "text")
    if not said and post.get("params"):
        return form.assemble(post, headers, size, note)
    if not said:
        return (None if _left_out(request, post, size, headers) else b""), headers
    try:
        content = _octets(said, post, values.content_type(headers, post), size)
    except FieldError as error:
        note(f"the request's content can't be told: {error}")
        return None, headers
    if _still_coded(content, headers, size):
        whole = _is_whole(content, size, headers, note)
        return content if whole else None, headers
    note("Content-Encoding was left out: a HAR holds the content as it was before")
    return content, without(headers, b"content-encoding")


def response_content(
    response: Object, headers: Headers, note: Callable[[str], None]
) -> tuple[bytes | None, Headers]:
    """Returns a response's content, None where the HAR left it out, and its fields."""
    found = values.subobject(response, "content")
    said = values.optional_text(found, "text")
    size = values.integer(found, "size")
    if not said:
        empty = size == 0 or (size < 0 and values.integer(response, "bodySize") == 0)
        return (b"" if empty else None), headers
    try:
        content = _octets(said, found, values.content_type(headers, found), size)
    except FieldError as error:
        note(f"the response's content can't be told: {error}")
        return None, headers
    if _still_coded(content, headers, values.integer(response, "bodySize")):
        return content, headers
    return content, without(headers, b"content-encoding")


def _size(message: Object, name: str, headers: Headers) -> int:
    """Returns how many bytes a content had on the wire, -1 where nobody says.

    Content-Length wins: Chrome makes `bodySize` of the text that it shows.
    """
    said, length = values.integer(message, name), content_length(headers)
    return length or (0 if said < 0 and length == 0 else said)


def _is_whole(content: bytes, size: int, headers: Headers, note: Callable[[str], None]) -> bool:
    """Whether a content that has another size than the request had can be sent all the same."""
    if size <= 0 or len(content) == size:
        return True
    if value_of(headers, b"content-type").lower().startswith(b"multipart/") and len(content) < size:
        # Chrome leaves the files of a form out of its text.
        note(f"the HAR has {len(content)} of the form's {size} bytes: a file's content is missing")
        return False
    note(f"the request's content had {size} bytes; the HAR's text stands for {len(content)}")
    return True


def _left_out(request: Object, post: Object, size: int, headers: Headers) -> bool:
    """Whether a content without text is one that the tool did not keep.

    Null for text is how mitmproxy says so.
    """
    if size > 0:
        return True
    null = "text" in post and post["text"] is None
    return (
        null
        and content_length(headers) != 0
        and (
            request.get("method") in ("POST", "PUT", "PATCH")
            or bool(value_of(headers, b"transfer-encoding"))
        )
    )


def _octets(said: str, described: Object, mime_type: bytes, size: int) -> bytes:
    encoding = described.get("encoding")
    if isinstance(encoding, str) and encoding.strip().lower() == "base64":
        try:
            return base64.b64decode("".join(said.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise FieldError(f"it is no base64 ({error})") from None
    return _encoded(said, mime_type, size)


def _encoded(said: str, mime_type: bytes, size: int) -> bytes:
    """Encodes text in the declared charset, else UTF-8, unless only another fits `size`."""
    first: bytes | None = None
    for codec in dict.fromkeys((*_declared(mime_type), *_GUESSED)):
        try:
            content = said.encode(codec, "surrogateescape")
        except UnicodeEncodeError:
            continue
        if size < 0 or len(content) == size:
            return content
        first = content if first is None else first
    if first is None:
        raise FieldError("it holds half a character")
    return first


def _declared(mime_type: bytes) -> tuple[str, ...]:
    found = _CHARSET.search(mime_type)
    if found is None:
        return ()
    said = normalize_encoding(found[1].decode("ascii").lower())
    if said not in _NAMES and not _CODECS.fullmatch(said.replace("_", "-")):
        return ()
    try:
        name = codecs.lookup(said).name
    except LookupError:
        return ()
    return (name,) if _CODECS.fullmatch(name) else ()


def _still_coded(content: bytes, headers: Headers, size: int) -> bool:
    """Whether a content is as its Content-Encoding says: some tools keep the very bytes."""
    codings = members_of(headers, b"content-encoding")
    if not set(codings) - {b"identity"} or not content:
        return True
    magic = _MAGIC.get(codings[-1])
    return len(content) == size if magic is None else content.startswith(magic)

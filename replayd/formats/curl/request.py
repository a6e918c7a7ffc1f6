"""What a curl command asks for, to the requests that curl sends for it.

Order and defaults of the fields are those of curl 7.88.1, with which it was compared.
"""

import base64
import hashlib
from collections.abc import Iterator

from replayd.formats.curl.asked import Asked, asked
from replayd.formats.curl.form import FormError
from replayd.formats.curl.options import UsageError
from replayd.formats.curl.shell import Command
from replayd.formats.curl.url import REFUSED, Target, UrlError, target
from replayd.formats.multipart import multipart
from replayd.model.flow import Request

USER_AGENT = b"curl/7.88.1"
_ENCODINGS = b"deflate, gzip, br, zstd"

_EXPECT_ABOVE = 1 << 20
"""Bytes of a content that is announced with Expect."""

_CHALLENGED = frozenset({"anyauth", "digest", "negotiate", "ntlm"})
"""Ways to authorize of which curl's first request shows nothing."""

_FORM = b"application/x-www-form-urlencoded"


class UnknownRequestError(Exception):
    """What curl would send can't be told from the command; the text says why."""


def requests(command: Command, notes: list[str]) -> Iterator[Request]:
    """Yields the requests that a command sends; adds to `notes` what was odd.

    Raises UnknownRequestError.
    """
    found = False
    try:
        for each in asked(command, notes):
            for url in each.urls:
                found = True
                yield _Maker(each, url, notes).request()
        if not found:
            raise UsageError("it has no URL")
    except (UsageError, UrlError, FormError) as error:
        raise UnknownRequestError(str(error)) from None


class _Maker:
    """Makes the request to one URL."""

    def __init__(self, asked: Asked, url: bytes, notes: list[str]) -> None:
        self._asked = asked
        self._notes = notes
        self._own = {name.strip().lower(): value for name, value in reversed(asked.headers)}
        self._target = target(
            url,
            globoff="globoff" in asked.switches,
            path_as_is="path-as-is" in asked.switches,
        )
        self._fields: list[tuple[bytes, bytes]] = []

    def request(self) -> Request:
        """Returns the request."""
        asked, where = self._asked, self._target
        version = self._version()
        self._add_defaults(where)
        content, content_type = self._content()
        self._add_own(form=asked.parts is not None)
        if content is not None:
            self._add_framing(content, content_type, version)
        host = next((value for name, value in self._fields if name == b"Host"), b"")
        fields = tuple(self._fields)
        http2 = version in (b"HTTP/2.0", b"HTTP/3")
        if http2:
            # As they are on the wire (RFC 9113 section 8.2.1).
            fields = tuple((name.lower(), value) for name, value in fields if name != b"Host")
        return Request(
            method=self._method(content),
            scheme=where.scheme.encode(),
            host=where.host,
            port=where.port,
            path=asked.values.get("request-target") or self._path(),
            http_version=version,
            headers=fields,
            content=None if asked.missing else content or b"",
            authority=host if http2 else b"",
        )

    def _version(self) -> bytes:
        version = self._asked.version
        if version == b"HTTP/2" and self._target.scheme == "http":
            self._notes.append("the upgrade to HTTP/2 that --http2 asks for is left out")
            return b"HTTP/1.1"
        return b"HTTP/2.0" if version == b"HTTP/2" else version

    def _method(self, content: bytes | None) -> bytes:
        if said := self._asked.values.get("request"):
            return said
        if "head" in self._asked.switches:
            return b"HEAD"
        if "upload-file" in self._asked.switches:
            return b"PUT"
        return b"GET" if content is None else b"POST"

    def _path(self) -> bytes:
        asked, path = self._asked, bytearray(self._target.path)
        queries: list[bytes | bytearray] = list(asked.queries)
        if "get" in asked.switches and asked.data:
            queries.append(asked.data)
        between = b"&" if b"?" in path else b"?"
        for query in queries:
            if not path.endswith((b"?", b"&")):
                path += between
            path += query
            between = b"&"
        if REFUSED.search(path):
            raise UrlError(f"curl refuses the path {bytes(path[:60])!r}: it holds a blank")
        return bytes(path)

    def _add_defaults(self, where: Target) -> None:
        """Adds the fields that curl makes, in its order, unless they are one's own."""
        asked = self._asked
        host = self._own.get(b"host", where.authority)
        if host is not None:
            self._fields.append((b"Host", host))
        self._default(b"Authorization", self._authorization(where))
        byte_range = asked.values.get("range")
        self._default(b"Range", byte_range and b"bytes=" + byte_range)
        self._default(b"User-Agent", asked.values.get("user-agent", USER_AGENT))
        self._default(b"Accept", b"*/*")
        self._default(b"Accept-Encoding", _ENCODINGS if "compressed" in asked.switches else None)
        referer = asked.values.get("referer", b"")
        self._default(b"Referer", referer.removesuffix(b";auto"))
        self._default(b"Cookie", b";".join(asked.cookies))

    def _default(self, name: bytes, value: bytes | None) -> None:
        if value and name.lower() not in self._own:
            self._fields.append((name, value))

    def _authorization(self, where: Target) -> bytes | None:
        bearer = self._asked.values.get("oauth2-bearer")
        user = self._asked.values.get("user", where.user)
        if bearer:
            return b"Bearer " + bearer
        if user is None:
            return None
        if asks := _CHALLENGED & self._asked.switches:
            self._notes.append(f"--{min(asks)} has the server ask: no credentials are sent")
            return None
        return b"Basic " + base64.b64encode(user if b":" in user else user + b":")

    def _add_own(self, *, form: bool) -> None:
        for name, value in self._asked.headers:
            known = name.strip().lower()
            if value is not None and known != b"host" and not (form and known == b"content-type"):
                self._fields.append((name, value))
        if self._asked.json:
            for name in (b"Content-Type", b"Accept"):
                if name.lower() not in self._own:
                    # What curl makes of it is not its default.
                    self._fields[:] = [each for each in self._fields if each[0] != name]
                    self._fields.append((name, b"application/json"))

    def _content(self) -> tuple[bytes | None, bytes]:
        """Returns the content and its type; None: there is none."""
        asked = self._asked
        if asked.data is not None and asked.parts is not None:
            raise UsageError("curl refuses data beside a form")
        if "get" in asked.switches or (asked.data is None and asked.parts is None):
            return None, b""
        if "head" in asked.switches:
            raise UsageError("curl refuses content beside -I")
        if asked.parts is None:
            return bytes(asked.data or b""), b"" if asked.json else _FORM
        digest = hashlib.sha256(repr(asked.parts).encode()).hexdigest()
        boundary = b"-" * 24 + digest[:16].encode()
        said = self._own.get(b"content-type") or b"multipart/form-data"
        is_form = said.lower().startswith(b"multipart/form-data")
        disposition = b"form-data" if is_form else b"attachment"
        return multipart(asked.parts, boundary, disposition), said + b"; boundary=" + boundary

    def _add_framing(self, content: bytes, content_type: bytes, version: bytes) -> None:
        own, form = self._own, self._asked.parts is not None
        if not {b"content-length", b"transfer-encoding"} & own.keys() and not self._asked.missing:
            self._fields.append((b"Content-Length", b"%d" % len(content)))
        if content_type and (form or b"content-type" not in own):
            self._fields.append((b"Content-Type", content_type))
        if len(content) > _EXPECT_ABOVE and version == b"HTTP/1.1" and b"expect" not in own:
            self._fields.append((b"Expect", b"100-continue"))

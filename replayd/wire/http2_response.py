"""Reads one HTTP/2 response from its header lists and the sizes of its content. Pure.

What RFC 9113 section 8 calls malformed fails where it leaves a doubt: which status, how
much content, or bytes that would mean something else in HTTP/1. What every reader
understands all the same (capitals, fields about a connection) is put up with, and told.
"""

import re

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.reasons import Reason
from replayd.wire.reader import check_interims
from replayd.wire.settings import WireSettings

FIELD_OVERHEAD = 32
"""What a field counts besides its bytes (RFC 9113 section 6.5.2)."""

_STATUS = re.compile(rb"[1-9][0-9][0-9]")
_PLAIN_NAME = re.compile(rb"[!-9;-@\[-~]+")
_NAME = re.compile(rb"[!-9;-~]+")
_VALUE = re.compile(rb"[^\0\r\n]*")
_SPACE = b" \t"
_CONNECTION_SPECIFIC = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_WITHOUT_CONTENT = (204, 304)
_SHOWN = 80


class Http2Response:
    """The response to one request; its attributes hold what has been understood so far."""

    def __init__(self, method: bytes, settings: WireSettings) -> None:
        self.head: ResponseHead | None = None
        """The final response's head, once it came."""
        self.continued = False
        """A `100 Continue` came."""
        self.complete = False
        """The response is whole; nothing more is expected."""
        self.trailers: Headers = ()
        self.lenient = False
        """The response bends HTTP/2's rules in a way that readers put up with."""
        self.declared_length = False
        """The content's length was said in advance."""
        self._method = method
        self._settings = settings
        self._interims: list[int] = []
        self._interim_size = 0
        self._left: int | None = None
        """Bytes of the content that are still to come; None: nobody said."""

    def take_headers(self, fields: Headers, *, ends: bool) -> None:
        """Takes a header list: a head, interim or final, or the trailers.

        `ends`: nothing follows. Raises WireError INVALID_RESPONSE or HEAD_TOO_LARGE.
        """
        size = self._measure(fields)
        if self.head is not None:
            self.trailers = self._checked(fields)
        elif (status_code := _status_code(fields)) < 200:
            self._take_interim(status_code, size)
            if ends:
                raise _invalid(f"the stream ends with an interim response ({status_code})")
        else:
            self._take_final(status_code, fields)
        if ends:
            self._end()

    def take_content(self, size: int, *, ends: bool) -> None:
        """Takes so many bytes of content. Raises WireError INVALID_RESPONSE."""
        if self._left is not None:
            if size > self._left:
                raise _invalid(f"more content came than was said ({self._said})")
            self._left -= size
        if ends:
            self._end()

    def _measure(self, fields: Headers) -> int:
        """Returns the size of a header list (RFC 9113 section 6.5.2); refuses a large one."""
        settings = self._settings
        size = sum(len(name) + len(value) + FIELD_OVERHEAD for name, value in fields)
        if size > settings.head_size_limit or len(fields) > settings.head_field_limit:
            what = "head" if self.head is None else "trailer section"
            raise WireError(
                Reason.HEAD_TOO_LARGE,
                f"the response's {what} of {len(fields)} fields and {size} bytes is over the "
                f"limit of {settings.head_field_limit} fields or {settings.head_size_limit} bytes",
                limit=settings.head_size_limit,
            )
        return size

    def _take_interim(self, status_code: int, size: int) -> None:
        self._interims.append(status_code)
        self._interim_size += size
        if status_code == 101:
            raise _invalid("the server switched protocols (101), which HTTP/2 has not")
        if status_code == 100:
            self.continued = True
        check_interims(len(self._interims), self._interim_size, self._settings)

    def _take_final(self, status_code: int, fields: Headers) -> None:
        headers = self._checked(fields)
        self.head = ResponseHead(
            http_version=b"HTTP/2.0",
            status_code=status_code,
            headers=headers,
            interim_status_codes=tuple(self._interims),
        )
        length = _content_length(headers)
        self.declared_length = length is not None
        without_content = self._method == b"HEAD" or status_code in _WITHOUT_CONTENT
        self._left = 0 if without_content else length
        self._said = "none" if without_content else f"content-length: {length}"

    def _checked(self, fields: Headers) -> Headers:
        """Returns the fields without pseudo fields; refuses bytes that no field may have."""
        headers: list[tuple[bytes, bytes]] = []
        for name, value in fields:
            if name.startswith(b":"):
                # At the beginning of a head, and nowhere else.
                self.lenient |= bool(headers) or self.head is not None or name != b":status"
                continue
            if _VALUE.fullmatch(value) is None or _NAME.fullmatch(name) is None:
                raise _invalid(f"the field {_show(name)}: {_show(value)} has bytes it can't have")
            self.lenient |= (
                _PLAIN_NAME.fullmatch(name) is None
                or value.strip(_SPACE) != value
                or name in _CONNECTION_SPECIFIC
            )
            headers.append((name, value))
        return tuple(headers)

    def _end(self) -> None:
        if self._left and self.declared_length:
            raise _invalid(f"{self._left} bytes of the content never came ({self._said})")
        self.complete = True


def _status_code(fields: Headers) -> int:
    said = [value for name, value in fields if name == b":status"]
    if len(said) != 1 or _STATUS.fullmatch(said[0]) is None:
        shown = ", ".join(map(_show, said[:3])) or "no status"
        raise _invalid(f"the response has {shown} for its :status")
    return int(said[0])


def _content_length(headers: Headers) -> int | None:
    """Reads Content-Length (RFC 9110 section 8.6); the same said twice is no doubt."""
    said = {value for name, value in headers if name.lower() == b"content-length"}
    if not said:
        return None
    if len(said) > 1 or not (value := said.pop()).isdigit() or len(value) > 18:
        raise _invalid("the response's content-length is no number, or several")
    return int(value)


def _invalid(message: str) -> WireError:
    return WireError(Reason.INVALID_RESPONSE, message)


def _show(data: bytes) -> str:
    """The first bytes for people: printable, and never more than a line."""
    return repr(data[:_SHOWN])

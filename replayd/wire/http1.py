"""Reads HTTP/1 responses with h11. Pure; the only module that knows h11.

h11 wants to see the request too, and can't send most of those that we send. It gets a
shadow in its place: same method as far as that decides how a response ends (HEAD, CONNECT;
RFC 9112 section 6.3), output thrown away.

Heads are cut off and counted here, before h11 sees them, so that limits do not depend on
how the network cut the bytes.
"""

import re
from collections.abc import Callable

import h11

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.reasons import Reason
from replayd.wire.reader import check_interims, connection_facts, fields_of
from replayd.wire.settings import WireSettings

_HEAD_END = re.compile(rb"\n\r?\n")
_FOLDED_LINE = re.compile(rb"\n[ \t]")
_START = b"HTTP/"
_SHOWN = 80
_SAID = 200

_Head = h11.Response | h11.InformationalResponse


def _shadow(method: bytes) -> h11.Request:
    # Upgrade, so that a 101 reaches us and not h11's own refusal, which says less.
    fields = [("Host", "shadow"), ("Connection", "upgrade"), ("Upgrade", "shadow")]
    return h11.Request(method=method, target="/", headers=fields)


_SHADOWS = {method: _shadow(method) for method in (b"HEAD", b"CONNECT")}
_OTHER_SHADOW = _shadow(b"GET")


class H11Reader:
    """Reads one response to a request with this method; see `reader.ResponseReader`."""

    def __init__(self, method: bytes, settings: WireSettings, *, upgrade: bool = False) -> None:
        """`upgrade`: a 101 is a final response; all that follows is written as it comes, never
        complete.
        """
        self.head: ResponseHead | None = None
        self.continued = False
        self.complete = False
        self.trailers: Headers = ()
        self.lenient = False
        self.declared_length = False
        self.reusable = False
        self.idle_seconds: int | None = None
        self.bound = False
        self.trailing = b""
        """Bytes that came after the response; after one to CONNECT they are the tunnel's."""
        self._method = method
        self._upgrade = upgrade
        self._settings = settings
        self._buffer = bytearray()
        self._interims: list[int] = []
        self._interim_size = 0
        # Heads arrive whole; what h11 still has to bound are chunk lines and trailers.
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=settings.head_size_limit)
        self._h11.send(_SHADOWS.get(method, _OTHER_SHADOW))
        self._h11.send(h11.EndOfMessage())

    def feed(self, data: bytes, write: Callable[[bytes], object]) -> None:
        """Takes what came; see `ResponseReader.feed`."""
        if self.head is not None:
            self._feed_content(data, write, closed=not data)
            return
        self._buffer += data
        if self._read_heads():
            rest = bytes(self._buffer)
            self._buffer.clear()
            self._feed_content(rest, write, closed=False)
        elif not data:
            raise self._closed_in_head()

    def _feed_content(self, data: bytes, write: Callable[[bytes], object], *, closed: bool) -> None:
        if self.complete:
            self._end_with(data)
        elif self.head is not None and self.head.status_code == 101:
            if data:
                write(data)
        else:
            self._read_content(data, write, closed=closed)

    def _read_heads(self) -> bool:
        """Reads heads from the buffer; True: the final one is there."""
        while self._read_head():
            if self.head is not None:
                return True
        return False

    def _read_head(self) -> bool:
        """Reads one head from the buffer, interim or final; False: it is not whole yet."""
        buffer, limit = self._buffer, self._settings.head_size_limit
        if not buffer.startswith(_START) and not _START.startswith(buffer):
            raise _invalid(f"the server does not speak HTTP/1; it sent {_show(buffer)}")
        end = _HEAD_END.search(buffer)
        if (end.end() if end else len(buffer)) > limit:
            raise WireError(
                Reason.HEAD_TOO_LARGE,
                f"the response's head is larger than {limit} bytes",
                limit=limit,
            )
        if end is None:
            return False
        block = bytes(buffer[: end.end()])
        del buffer[: end.end()]
        self._take_head(block)
        return True

    def _take_head(self, block: bytes) -> None:
        try:
            self._h11.receive_data(block)
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise _invalid(f"{_said(error)}; the response begins {_show(block)}") from error
        if not isinstance(event, h11.InformationalResponse | h11.Response):
            raise _invalid(f"the response begins {_show(block)}")
        if not event.http_version.startswith(b"1."):
            raise _invalid(f"the server does not speak HTTP/1; it sent {_show(block)}")
        if len(event.headers) > self._settings.head_field_limit:
            raise WireError(
                Reason.HEAD_TOO_LARGE,
                f"the response's head has {len(event.headers)} fields, more than "
                f"{self._settings.head_field_limit}",
            )
        if isinstance(event, h11.Response):
            self._take_final(event, block)
        elif event.status_code == 101:
            self._switch(event, block)
        else:
            self._take_interim(event, len(block))

    def _switch(self, event: h11.InformationalResponse, block: bytes) -> None:
        """Takes a 101: what follows is not HTTP."""
        if not self._upgrade:
            raise _invalid(
                "the server switched protocols (101), and the capture has nothing to say then"
            )
        self._take_final(event, block)
        self.reusable = self.declared_length = False

    def _take_interim(self, event: h11.InformationalResponse, size: int) -> None:
        self._interims.append(event.status_code)
        self._interim_size += size
        if event.status_code == 100:
            self.continued = True
        check_interims(len(self._interims), self._interim_size, self._settings)

    def _take_final(self, event: _Head, block: bytes) -> None:
        self.head = ResponseHead(
            http_version=b"HTTP/" + event.http_version,
            status_code=event.status_code,
            reason_phrase=event.reason,
            # h11 itself makes one of several equal lengths and writes codings in lower case.
            headers=fields_of(block),
            interim_status_codes=tuple(self._interims),
        )
        self._take_fields(event, block)
        if self._method == b"CONNECT" and 200 <= event.status_code < 300:
            # What follows belongs to the tunnel, not to the response.
            self.complete, self.reusable = True, False

    def _take_fields(self, event: _Head, block: bytes) -> None:
        """Looks at what decides about the connection (RFC 9112 section 9.3)."""
        facts = connection_facts(event.headers)
        sized, coded = bool(facts.lengths), bool(facts.codings)
        self.idle_seconds, self.bound = facts.idle_seconds, facts.bound
        self.declared_length = sized and not coded
        self.lenient = (
            (sized and coded)
            or block.count(b"\n") != block.count(b"\r\n")
            or _FOLDED_LINE.search(block) is not None
        )
        self.reusable = not self.lenient and (
            b"close" not in facts.options
            if event.http_version >= b"1.1"
            else b"keep-alive" in facts.options
        )

    def _read_content(self, data: bytes, write: Callable[[bytes], object], *, closed: bool) -> None:
        pieces: list[bytes] = []
        try:
            if data or closed:
                self._h11.receive_data(data)
            while True:
                event = self._h11.next_event()
                if isinstance(event, h11.Data):
                    pieces.append(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self._end(event, closed)
                    break
                else:
                    break
        except h11.RemoteProtocolError as error:
            raise self._content_fault(error, closed) from error
        finally:
            # One write, however small the chunks; also of what came before a fault.
            if pieces:
                write(b"".join(pieces))

    def _end(self, event: h11.EndOfMessage, closed: bool) -> None:
        trailers = tuple(event.headers.raw_items())
        size = sum(len(name) + len(value) + 4 for name, value in trailers)
        if size > self._settings.head_size_limit or len(trailers) > self._settings.head_field_limit:
            raise WireError(
                Reason.HEAD_TOO_LARGE,
                f"the response's {len(trailers)} trailer fields of {size} bytes are over the limit",
            )
        self.complete, self.trailers = True, trailers
        if closed:
            self.reusable = False
        self._end_with(self._h11.trailing_data[0])

    def _end_with(self, data: bytes) -> None:
        """Bytes after the response: nobody asked for them, so nobody reads on here."""
        if data:
            self.trailing, self.reusable = data, False

    def _content_fault(self, error: h11.RemoteProtocolError, closed: bool) -> WireError:
        if closed:
            return WireError(Reason.CLOSED_EARLY, f"the server closed early: {_said(error)}")
        if error.error_status_hint == 431:
            return WireError(Reason.HEAD_TOO_LARGE, f"in the response's content: {_said(error)}")
        return _invalid(f"in the response's content: {_said(error)}")

    def _closed_in_head(self) -> WireError:
        size = len(self._buffer)
        where = f"after {size} bytes of the response's head" if size else "without a response"
        if self._interims and not size:
            where = f"after {len(self._interims)} interim responses, without a final one"
        return WireError(Reason.CLOSED_EARLY, f"the server closed the connection {where}")


def _invalid(message: str) -> WireError:
    return WireError(Reason.INVALID_RESPONSE, message)


def _said(error: h11.RemoteProtocolError) -> str:
    """h11's words, which may hold all that came."""
    return str(error)[:_SAID]


def _show(data: bytes | bytearray) -> str:
    """The first bytes for people: printable, and never more than a line."""
    return repr(bytes(data[:_SHOWN]))

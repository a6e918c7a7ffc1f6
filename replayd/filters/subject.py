"""What filters look at: a flow, with what is derived from it made when it is asked for.

Texts and bytes are as mitmproxy has them, so that the same expression finds the same flows.
"""

from functools import cached_property

from replayd.codings import unpacked
from replayd.model.flow import Flow, Headers, Request

UNPACKED_LIMIT = 64 << 20
"""Bytes of a content that are unpacked to be searched; the rest of a larger one is not."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Subject:
    """A flow that filters are asked about."""

    def __init__(self, flow: Flow, unpacked_limit: int = UNPACKED_LIMIT) -> None:
        self.flow = flow
        self._unpacked_limit = unpacked_limit

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """The host that was connected to, and the one that the request names."""
        request = self.flow.request
        if request is None:
            return ()
        return (request.host, _named_authority(request)[0])

    @cached_property
    def url(self) -> str | None:
        """The URL, with the host that the request names; None: there is no request."""
        request = self.flow.request
        if request is None:
            return None
        if request.method == b"CONNECT":
            return _text(request.authority) or f"{request.host}:{request.port}"
        host, port = _named_authority(request)
        scheme = _text(request.scheme)
        shown = f"[{host}]" if ":" in host else host
        if port != _DEFAULT_PORTS.get(scheme):
            shown = f"{shown}:{port}"
        path = "" if request.path == b"*" else _text(request.path)
        return f"{scheme}://{shown}{path}"

    @cached_property
    def request_head(self) -> bytes | None:
        """The request's fields as lines; None: there is no request."""
        request = self.flow.request
        return None if request is None else _lines(request.headers)

    @cached_property
    def response_head(self) -> bytes | None:
        """The recorded response's fields as lines; None: there is none."""
        response = self.flow.response
        return None if response is None else _lines(response.headers)

    @cached_property
    def request_contents(self) -> tuple[bytes, ...]:
        """What the client said: the content, unpacked, and its WebSocket messages."""
        request = self.flow.request
        content = () if request is None else self._unpacked(request.content, request.headers)
        return content + self._messages(from_client=True)

    @cached_property
    def response_contents(self) -> tuple[bytes, ...]:
        """What the server said: the content, unpacked, and its WebSocket messages."""
        response = self.flow.response
        content = () if response is None else self._unpacked(response.content, response.headers)
        return content + self._messages(from_client=False)

    def _unpacked(self, content: bytes | None, headers: Headers) -> tuple[bytes, ...]:
        return () if content is None else (unpacked(content, headers, self._unpacked_limit),)

    def _messages(self, *, from_client: bool) -> tuple[bytes, ...]:
        websocket = self.flow.websocket
        messages = () if websocket is None else websocket.messages
        return tuple(each.content for each in messages if each.from_client is from_client)


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Returns the values of a field; the name is given in lower case."""
    return [value for each, value in headers if each.lower() == name]


def _named_authority(request: Request) -> tuple[str, int]:
    """Returns the host and port that the request names, else those that it went to."""
    hosts = values(request.headers, b"host")
    newer = request.http_version.startswith((b"HTTP/2", b"HTTP/3"))
    named = request.authority if newer and request.authority else b", ".join(hosts)
    default = _DEFAULT_PORTS.get(_text(request.scheme), 443)
    if not named:
        return request.host, request.port
    host, colon, port = _text(named).rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        host, port = _text(named), ""
    return host.removeprefix("[").removesuffix("]"), int(port) if port else default


def _lines(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % each for each in headers])


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")

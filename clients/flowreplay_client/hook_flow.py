"""A replay as the functions of a hook see it: as much of mitmproxy's flow as a replay has.

Requests and responses are views of the contract's messages: what a function changes is what
goes back. Names and values are text here, any byte of them (surrogateescape). Pure.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from urllib.parse import urlsplit

from flowreplay.v1 import flow_pb2, hook_pb2
from flowreplay.v1.reason_pb2 import Reason
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_POINTS = {
    hook_pb2.HOOK_POINT_REQUEST: "request",
    hook_pb2.HOOK_POINT_RESPONSE: "response",
    hook_pb2.HOOK_POINT_ERROR: "error",
}
_OVER = (
    "the replay has failed: in error(flow) nothing of it can be changed, answered or killed; "
    "do that in request(flow) or response(flow)"
)
_SENT = {
    "response": "flow.request has been sent: it can't be changed in response(flow); change it in "
    "request(flow)",
    "error": _OVER,
}
"""By point, why the request can't be changed."""

_PORTS = {"http": 80, "https": 443}
_CODINGS = ("gzip", "x-gzip", "deflate", "identity", "")


def octets(text: str | bytes) -> bytes:
    """Returns the bytes that a text of this module stands for."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def text_of(data: bytes) -> str:
    """Returns bytes as text, any of them."""
    return data.decode("utf-8", "surrogateescape")


class Headers(MutableMapping[str, str]):
    """Header fields: a mapping whose names have no case, in an order, some more than once."""

    def __init__(
        self, fields: "RepeatedCompositeFieldContainer[flow_pb2.Header]", closed: str = ""
    ) -> None:
        """`closed`: why they can't be changed; empty: they can."""
        self._fields = fields
        self._closed = closed

    def get_all(self, name: str) -> list[str]:
        """Returns the values of all fields of a name, in their order."""
        return [text_of(field.value) for field in self._fields if _is(field, name)]

    def set_all(self, name: str, values: Iterable[str | bytes]) -> None:
        """Sets the fields of a name: in the places of those there were, others at the end."""
        _refuse(self._closed)
        left = [octets(value) for value in values]
        kept = []
        for field in self._fields:
            if not _is(field, name):
                kept.append((field.name, field.value))
            elif left:
                kept.append((field.name, left.pop(0)))
        kept += [(octets(name), value) for value in left]
        del self._fields[:]
        for written, value in kept:
            self._fields.add(name=written, value=value)

    def add(self, name: str | bytes, value: str | bytes) -> None:
        """Adds a field at the end, whether or not there is one of its name."""
        _refuse(self._closed)
        self._fields.add(name=octets(name), value=octets(value))

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """All fields as they are on the wire."""
        return [(field.name, field.value) for field in self._fields]

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __setitem__(self, name: str, value: str | bytes) -> None:
        self.set_all(name, [value])

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.set_all(name, [])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(_is(field, name) for field in self._fields)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(text_of(field.name) for field in self._fields))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _is(field: flow_pb2.Header, name: str) -> bool:
    return field.name.lower() == octets(name).lower()


def _refuse(closed: str) -> None:
    if closed:
        raise ValueError(closed)


class _Message:
    """What requests and responses share. Setting anything of one that can't be changed any more
    raises ValueError, which says where it can.
    """

    _closed = ""
    """Why it can't be changed; empty: it can."""

    def __init__(
        self, message: flow_pb2.Request | flow_pb2.Response, content: bytes, closed: str = ""
    ) -> None:
        self.message = message
        """As the contract has it, without its content."""
        self._content = content
        self.content_changed = False
        """Whether a content was set."""
        self._closed = closed

    def __setattr__(self, name: str, value: object) -> None:
        _refuse(self._closed)
        super().__setattr__(name, value)

    @property
    def headers(self) -> Headers:
        """The header fields."""
        return Headers(self.message.headers, self._closed)

    @property
    def trailers(self) -> Headers:
        """The trailer fields."""
        return Headers(self.message.trailers, self._closed)

    @property
    def http_version(self) -> str:
        """Such as `HTTP/1.1`."""
        return text_of(self.message.http_version)

    @property
    def content_missing(self) -> bool:
        """Whether the content was left out, because it is larger than the hook wants."""
        return self.message.content_missing and not self.content_changed

    @property
    def raw_content(self) -> bytes:
        """The content as it is on the wire, still gzipped if it is. Setting it sets a
        Content-Length that is there.
        """
        return self._content

    @raw_content.setter
    def raw_content(self, content: bytes) -> None:
        self._content, self.content_changed = content, True
        if "content-length" in self.headers or (
            content and "transfer-encoding" not in self.headers
        ):
            self.headers["Content-Length"] = str(len(content))

    @property
    def content(self) -> bytes:
        """The content, unpacked. Raises ValueError for a coding other than gzip and deflate."""
        return _unpacked(self._content, self.headers.get("content-encoding", ""))

    @content.setter
    def content(self, content: bytes) -> None:
        self.raw_content = _packed(content, self.headers.get("content-encoding", ""))

    @property
    def text(self) -> str:
        """The content as UTF-8 text."""
        return text_of(self.content)

    @text.setter
    def text(self, text: str) -> None:
        self.content = octets(text)


def _coding(named: str) -> str:
    coding = named.strip().lower()
    if coding not in _CODINGS:
        raise ValueError(f"contents coded as {coding} can't be read here; use raw_content")
    return coding


def _unpacked(content: bytes, named: str) -> bytes:
    coding = _coding(named)
    if not content or coding in ("", "identity"):
        return content
    try:
        if coding == "deflate":
            return zlib.decompress(content)
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the content is not {coding}: {error}") from error


def _packed(content: bytes, named: str) -> bytes:
    coding = _coding(named)
    if coding in ("", "identity"):
        return content
    return zlib.compress(content) if coding == "deflate" else gzip.compress(content, mtime=0)


class Request(_Message):
    """The request as it will be sent, or was."""

    message: flow_pb2.Request

    @property
    def method(self) -> str:
        """Such as `GET`."""
        return text_of(self.message.method)

    @method.setter
    def method(self, method: str) -> None:
        self.message.method = octets(method)

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return text_of(self.message.scheme)

    @scheme.setter
    def scheme(self, scheme: str) -> None:
        self.message.scheme = octets(scheme)

    @property
    def host(self) -> str:
        """The host to connect to. Setting it sets the Host field or the authority, too."""
        return self.message.host

    @host.setter
    def host(self, host: str) -> None:
        self.message.host = host
        self._name_host()

    @property
    def port(self) -> int:
        """The port to connect to. Setting it sets the Host field or the authority, too."""
        return self.message.port

    @port.setter
    def port(self, port: int) -> None:
        self.message.port = port
        self._name_host()

    @property
    def path(self) -> str:
        """Path and query."""
        return text_of(self.message.path)

    @path.setter
    def path(self, path: str) -> None:
        self.message.path = octets(path)

    @property
    def url(self) -> str:
        """The URL, with the host that is connected to. Setting it sets all that it names."""
        return f"{self.scheme}://{self._authority()}{self.path}"

    @url.setter
    def url(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is not http(s)://HOST[:PORT]/...")
        self.scheme = parts.scheme
        self.message.host = parts.hostname
        self.message.port = parts.port or _PORTS[parts.scheme]
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._name_host()

    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme) else f"{host}:{self.port}"

    def _name_host(self) -> None:
        named = self._authority()
        if self.message.authority:
            self.message.authority = octets(named)
        if "host" in self.headers:
            self.headers["Host"] = named


class Response(_Message):
    """The response as it came and will be recorded, or a hook's own (`make`)."""

    message: flow_pb2.Response

    @classmethod
    def make(
        cls,
        status_code: int = 200,
        content: bytes | str = b"",
        headers: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]] = (),
    ) -> "Response":
        """Makes a response, with a Content-Length unless the headers say otherwise."""
        message = flow_pb2.Response(http_version=b"HTTP/1.1", status_code=status_code)
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        for name, value in pairs:
            message.headers.add(name=octets(name), value=octets(value))
        made = cls(message, b"")
        made.raw_content = octets(content)
        return made

    @property
    def status_code(self) -> int:
        """Such as 200."""
        return self.message.status_code

    @status_code.setter
    def status_code(self, status_code: int) -> None:
        self.message.status_code = status_code

    @property
    def reason(self) -> str:
        """The reason phrase; may be empty."""
        return text_of(self.message.reason_phrase)

    @reason.setter
    def reason(self, reason: str) -> None:
        self.message.reason_phrase = octets(reason)


class Error:
    """Why a replay failed or was killed."""

    def __init__(self, error: hook_pb2.HookError) -> None:
        value = Reason.DESCRIPTOR.values_by_number.get(error.reason)
        self.reason = value.name.removeprefix("REASON_") if value else str(error.reason)
        """Such as `CONNECT_TIMEOUT`: match this, never the text."""
        self.msg = error.message
        """For people."""

    def __str__(self) -> str:
        return f"{self.msg} [{self.reason}]"


class HookFlow:
    """A replay that a hook is asked about."""

    def __init__(self, call: hook_pb2.HookCall, contents: tuple[bytes, bytes]) -> None:
        """`contents`: the request's and the response's."""
        self._call = call
        self.point = _POINTS.get(call.point, "")
        """`request`, `response` or `error`."""
        self.replay_id = call.replay_id
        """The replay, such as `k7m2q9xd.12`."""
        self.batch_id = call.batch_id
        """Its batch."""
        self.id = call.flow.flow_id
        """The flow's id in its capture; empty when it has none."""
        self.index = call.flow_index
        """The flow's index in its capture, from 0."""
        self.attempt = call.attempt
        """Which attempt of the replay, from 1."""
        self.recorded_status_code = call.recorded_status_code
        """The status code that was recorded; 0 when no response was."""
        self.is_websocket = call.flow.kind == flow_pb2.FLOW_KIND_WEBSOCKET
        """Whether it is a WebSocket: it may go on or be killed, and no more."""
        self._request = Request(call.flow.request, contents[0], _SENT.get(self.point, ""))
        self._response: Response | None = None
        if call.flow.HasField("response"):
            over = _OVER if self.point == "error" else ""
            self._response = Response(call.flow.response, contents[1], over)
        self.error = Error(call.error) if call.HasField("error") else None
        """Why the replay failed, at the error point."""
        self._killed: str | None = None
        self._came = self._response
        self._before = _encoded(call.flow.request), _encoded(call.flow.response)

    @property
    def request(self) -> Request:
        """The request as it will be sent, or was. It can be changed at the request point; later
        that raises ValueError.
        """
        return self._request

    @property
    def response(self) -> Response | None:
        """The response as it came. Set at the request point, it is the answer, and nothing is
        sent; changed at the response point, it is what is recorded. At the error point that
        raises ValueError.
        """
        return self._response

    @response.setter
    def response(self, response: Response | None) -> None:
        if self.point == "error":
            raise ValueError(_OVER)
        if response is None and self.point == "response":
            raise ValueError(
                "a response that came can't be taken away in response(flow); change it, or "
                "flow.kill() the replay"
            )
        self._response = response

    def kill(self, message: str = "") -> None:
        """Ends the replay KILLED; `message` says why, for people. Raises ValueError at the error
        point.
        """
        if self.point == "error":
            raise ValueError(_OVER)
        self._killed = message

    @property
    def killed(self) -> bool:
        """Whether it was killed here."""
        return self._killed is not None

    def without(self, killed: str | None) -> tuple[hook_pb2.HookAnswer, bytes]:
        """Returns what is to be answered where nothing counts that was done to it: it goes on,
        or is killed for this reason.
        """
        answer = hook_pb2.HookAnswer(call_id=self._call.call_id)
        if killed is None:
            answer.proceed.SetInParent()
        else:
            answer.kill.message = killed
        return answer, b""

    def answer(self) -> tuple[hook_pb2.HookAnswer, bytes]:
        """Returns what is to be answered, and the content that belongs to it."""
        if self._killed is not None:
            return self.without(self._killed)
        changed = self._changed()
        if changed is None:
            return self.without(None)
        answer = hook_pb2.HookAnswer(call_id=self._call.call_id)
        if isinstance(changed, Request):
            answer.request.CopyFrom(changed.message)
        else:
            answer.response.CopyFrom(changed.message)
        answer.content_kept = not changed.content_changed
        return answer, changed.raw_content if changed.content_changed else b""

    def _changed(self) -> "Request | Response | None":
        """Returns what goes back; None: it goes on as it is."""
        if self.point == "error":
            return None
        half: Request | Response = self._request if self._response is None else self._response
        if half is self._response and half is not self._came:
            half.content_changed = True  # It is a hook's own.
            return half
        before = self._before[half is self._response]
        same = _encoded(half.message) == before and not half.content_changed
        return None if same else half


def _encoded(message: flow_pb2.Request | flow_pb2.Response) -> bytes:
    return message.SerializeToString(deterministic=True)

"""What the target speaks with its peers: HTTP/1.1, HTTP/2 and, after a handshake, WebSocket."""

import base64
import contextlib
import hashlib
import re
from typing import NamedTuple, Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tools.chaos.live import FIELD

_LIVE = re.compile(rb"\r\n" + FIELD + rb": *(\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nsec-websocket-key: *(\S+)", re.IGNORECASE)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE = b"\x81", b"\x88\x02\x03\xe8"
"""The beginning of a message in one frame, and a close with the code 1000."""


class Request(NamedTuple):
    """A whole one."""

    line: bytes
    """Method and path, and the live value, if it has one."""
    stream: int = 0
    """Of HTTP/2."""
    key: bytes = b""
    """Of a WebSocket's handshake."""


class Speaker(Protocol):
    """What is spoken on one connection."""

    def take(self, data: bytes) -> tuple[list[Request], bytes]:
        """Takes in what has come; returns the requests that are whole now, and what is to be sent
        before any answer. Raises ValueError when it makes no sense.
        """

    def answer(self, request: Request, status: int, content: bytes) -> bytes:
        """Returns an answer's bytes."""

    def breaks(self, request: Request) -> bytes:
        """Returns what ends a request without an answer; empty: the connection's end does."""


class Http1:
    """HTTP/1.1, one request after the other."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._upgraded = False

    def take(self, data: bytes) -> tuple[list[Request], bytes]:
        """See `Speaker`. What a WebSocket's client says is not listened to."""
        if self._upgraded:
            return [], b""
        held = self._held
        held += data
        requests = []
        while (head := held.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(held, 0, head)
            size = head + 4 + (int(length[1]) if length else 0)
            if len(held) < size:
                break
            line = bytes(held[: held.find(b"\r\n")]).rpartition(b" ")[0]
            live, key = _LIVE.search(held, 0, head + 2), _KEY.search(held, 0, head + 2)
            line += b" " + live[1] if live else b""
            requests.append(Request(line, key=bytes(key[1]) if key else b""))
            del held[:size]
        return requests, b""

    def answer(self, request: Request, status: int, content: bytes) -> bytes:
        """See `Speaker`. A handshake gets the content as a message, and a close."""
        if request.key:
            self._upgraded = True
            digest = hashlib.sha1(request.key + _GUID, usedforsecurity=False).digest()
            head = b"HTTP/1.1 101 Chaos\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            head += b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
            return head + _TEXT + bytes([len(content)]) + content + _CLOSE
        head = b"HTTP/1.1 %d Chaos\r\nContent-Length: %d\r\n\r\n"
        return head % (status, len(content)) + content

    def breaks(self, _: Request) -> bytes:
        """See `Speaker`."""
        return b""


class Http2:
    """HTTP/2, whether over TLS or not."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)
        self._connection.initiate_connection()
        self._begun: dict[int, bytes] = {}
        """Lines of requests whose end has not come."""

    def take(self, data: bytes) -> tuple[list[Request], bytes]:
        """See `Speaker`."""
        requests = []
        try:
            for event in self._connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self._begun[event.stream_id] = _line(dict(event.headers))
                elif isinstance(event, h2.events.DataReceived):
                    self._connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                elif isinstance(event, h2.events.StreamEnded):
                    requests.append(Request(self._begun.pop(event.stream_id), event.stream_id))
                elif isinstance(event, h2.events.StreamReset):
                    self._begun.pop(event.stream_id, None)
        except h2.exceptions.ProtocolError as error:
            raise ValueError(str(error)) from error
        return requests, self._connection.data_to_send()

    def answer(self, request: Request, status: int, content: bytes) -> bytes:
        """See `Speaker`."""
        fields = [(b":status", b"%d" % status), (b"content-length", b"%d" % len(content))]
        # Who asked may have given it up.
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._connection.send_headers(request.stream, fields)
            self._connection.send_data(request.stream, content, end_stream=True)
        return self._connection.data_to_send()

    def breaks(self, request: Request) -> bytes:
        """See `Speaker`: the others of the connection go on."""
        with contextlib.suppress(h2.exceptions.ProtocolError):
            code = h2.errors.ErrorCodes.INTERNAL_ERROR
            self._connection.reset_stream(request.stream, code)
        return self._connection.data_to_send()


def speaker_for(beginning: bytes) -> Speaker:
    """Returns what is spoken on a connection that begins so."""
    return Http2() if beginning.startswith(b"PRI") else Http1()


def _line(fields: dict[bytes, bytes]) -> bytes:
    line = fields[b":method"] + b" " + fields[b":path"]
    live = fields.get(FIELD.lower())
    return line + b" " + live if live else line

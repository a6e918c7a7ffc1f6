"""The server's side of an HTTP/2 connection: h2 for what is regular, bytes for what is not.

`Http2Peer` is in memory; `Http2Session` is one over a connection of a `ScriptedServer`.
Frames made by hand leave in their place among those that h2 makes.
"""

import struct
from collections import deque
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

from replayd.model.flow import Headers
from replayd.wire.http2_frames import FrameType
from tests.support.scripted_server import Peer, Script

STATUS_OK: Headers = ((b":status", b"200"),)


def frame(kind: int, payload: bytes = b"", *, stream_id: int = 0, flags: int = 0) -> bytes:
    """A frame made by hand."""
    size = struct.pack(">L", len(payload))[1:]
    return size + struct.pack(">BBL", kind, flags, stream_id) + payload


def goaway(last_stream_id: int, code: int = 0, text: bytes = b"") -> bytes:
    """A GOAWAY after which h2 goes on."""
    return frame(FrameType.GOAWAY, struct.pack(">LL", last_stream_id, code) + text)


class Http2Peer:
    """A server; its settings may be given, such as `max_concurrent_streams=1`."""

    def __init__(self, **settings: int) -> None:
        self.headers: dict[int, Headers] = {}
        self.trailers: dict[int, Headers] = {}
        self.contents: dict[int, bytes] = {}
        self.whole: deque[int] = deque()
        """Streams whose request is whole, in that order; who answers takes them out."""
        self.resets: dict[int, int] = {}
        """Streams that the client reset, with its code."""
        self.terminated: ConnectionTerminated | None = None
        self.gives_room = True
        """Content is acknowledged as it comes."""
        self.h2 = H2Connection(
            H2Configuration(
                client_side=False,
                header_encoding=None,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._made = bytearray()
        # Content that left before the client knew the window is none of its faults.
        window = settings.pop("initial_window_size", None)
        self.h2.local_settings = Settings(
            client=False,
            initial_values={SettingCodes[name.upper()]: value for name, value in settings.items()},
        )
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})

    def take(self, data: bytes) -> list[Event]:
        """Takes what the client sent."""
        events = self.h2.receive_data(data)
        for event in events:
            self._note(event)
        return events

    def outgoing(self) -> bytes:
        """What is to be sent to the client now."""
        self._made += self.h2.data_to_send()
        made = bytes(self._made)
        self._made.clear()
        return made

    def by_hand(self, data: bytes) -> None:
        """Sends bytes that h2 does not know of."""
        self._made += self.h2.data_to_send() + data

    def answer(
        self,
        stream_id: int,
        fields: Headers = STATUS_OK,
        content: bytes = b"",
        trailers: Headers = (),
    ) -> None:
        """Answers whole, as far as the window goes."""
        self.h2.send_headers(stream_id, fields, end_stream=not content and not trailers)
        for at in range(0, len(content), 16384):
            last = at + 16384 >= len(content) and not trailers
            self.h2.send_data(stream_id, content[at : at + 16384], end_stream=last)
        if trailers:
            self.h2.send_headers(stream_id, trailers, end_stream=True)

    def reset(self, stream_id: int, code: ErrorCodes) -> None:
        """Resets a stream."""
        self.h2.reset_stream(stream_id, code)

    def _note(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.headers[event.stream_id] = tuple(event.headers)
            self.contents[event.stream_id] = b""
        elif isinstance(event, TrailersReceived):
            self.trailers[event.stream_id] = tuple(event.headers)
        elif isinstance(event, DataReceived):
            self.contents[event.stream_id] += event.data
            if self.gives_room:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.whole.append(event.stream_id)
        elif isinstance(event, StreamReset):
            self.resets[event.stream_id] = int(event.error_code)
        elif isinstance(event, ConnectionTerminated):
            self.terminated = event


class Http2Session(Http2Peer):
    """A server on one connection that a `ScriptedServer` accepted."""

    def __init__(self, peer: Peer, **settings: int) -> None:
        super().__init__(**settings)
        self._peer = peer
        self.flush()

    def flush(self) -> None:
        """Sends what is to be sent."""
        if data := self.outgoing():
            self._peer.send(data)

    def read(self) -> None:
        """Waits for something to come and takes it; raises OSError when the client closed,
        with which a script may end.
        """
        data = self._peer.receive(65536)
        if not data:
            raise ConnectionAbortedError("the client closed")
        self.take(data)
        self.flush()

    def request(self) -> int:
        """Waits for the next whole request; returns its stream."""
        while not self.whole:
            self.read()
        return self.whole.popleft()

    def until_closed(self) -> None:
        """Reads on until the client closes."""
        with suppress(ConnectionError):
            while True:
                self.read()


def http2_answers(content: bytes = b"ok", **settings: int) -> Script:
    """A script that answers every request alike until the client closes."""

    def script(peer: Peer) -> None:
        session = Http2Session(peer, **settings)
        while True:
            session.answer(session.request(), content=content)
            session.flush()

    return script

"""The protocol of one HTTP/2 connection, as a client (RFC 9113). Pure; the only module that
knows h2.

h2 keeps the states of streams, the windows and the compression of fields. It judges a
whole connection where RFC 9113 judges a stream, and ends every stream at the first GOAWAY;
so it gets shadows: of each response's head only what decides about the stream's state, and
no GOAWAY at all. What the server really said is in the events.

Requests' fields leave byte for byte: h2 neither checks nor normalizes them.
"""

from collections.abc import Iterator

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.reasons import Reason
from replayd.wire.http2_events import (
    HTTP1_INSTEAD,
    ContentCame,
    GoingAway,
    Happening,
    HeadersCame,
    RoomCame,
    StreamFailed,
)
from replayd.wire.http2_fields import FieldDecoder, FieldEncoder, hiding_secrets
from replayd.wire.http2_frames import (
    MAX_FRAME_SIZE,
    FloodGuard,
    Frame,
    FrameCutter,
    FrameType,
    broken,
)
from replayd.wire.settings import WireSettings

REFUSED_STREAM = int(ErrorCodes.REFUSED_STREAM)
HTTP_1_1_REQUIRED = int(ErrorCodes.HTTP_1_1_REQUIRED)
_CANCEL = int(ErrorCodes.CANCEL)

_CONNECTION_WINDOW = 32 * 1024 * 1024
"""Bytes a server may send on all streams together before it hears from us. Content is passed
on as it comes, so nothing is held for it here."""
_MOST_STREAMS = 256
"""Streams at once, whatever the server allows; others get another connection."""
_LAST_STREAM_ID = 2**31 - 1


class Http2Protocol:
    """What is said on one connection, whatever it runs over."""

    def __init__(self, settings: WireSettings) -> None:
        self.settled = False
        """The server's settings came."""
        self._h2 = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        self._decoder = FieldDecoder(2 * settings.head_size_limit)
        self._h2.decoder, self._h2.encoder = self._decoder, FieldEncoder()
        self._cutter = FrameCutter()
        self._guard = FloodGuard(settings.head_size_limit)
        self._live: set[int] = set()
        self._withheld: dict[int, int] = {}
        """Streams that have to wait, and how much came on them since they have."""
        self._stream_window = settings.stream_window
        self._stray = 0
        """Bytes of content that may still be on their way for streams we have left."""
        self._next_id = 1
        self._greet(settings)

    # What we say

    def outgoing(self) -> bytes:
        """Returns what is to be sent now; each byte once."""
        return self._h2.data_to_send()

    @property
    def places(self) -> int:
        """How many streams may be open at once: one before the server's settings are known."""
        if not self.settled:
            return 1
        return min(self._h2.remote_settings.max_concurrent_streams, _MOST_STREAMS)

    @property
    def room(self) -> int:
        """How many more streams may be opened now."""
        return max(self.places - len(self._live), 0) if self._next_id <= _LAST_STREAM_ID else 0

    def open(self, headers: Headers, *, ends: bool) -> int:
        """Sends a request's fields where there is `room`; `ends`: nothing follows them.

        Returns the stream's number.
        """
        stream_id = self._next_id
        self._next_id += 2
        self._h2.send_headers(stream_id, hiding_secrets(headers), end_stream=ends)
        # h2 would end the connection for content after a HEAD; that is the stream's matter.
        self._h2.streams[stream_id].request_method = None
        self._live.add(stream_id)
        return stream_id

    def send(self, stream_id: int, content: memoryview, *, ends: bool) -> int:
        """Sends as much content as one frame and the windows take now; says how much.

        `ends`: with the last of it the request is whole.
        """
        window = self._h2.local_flow_control_window(stream_id)
        size = min(len(content), window, self._h2.max_outbound_frame_size)
        if size <= 0:
            return 0
        last = ends and size == len(content)
        self._h2.send_data(stream_id, content[:size], end_stream=last)
        self._guard.progress()
        return size

    def takes_content(self, stream_id: int) -> bool:
        """Tells whether the windows leave an open stream room for content."""
        return self._h2.local_flow_control_window(stream_id) > 0

    def send_trailers(self, stream_id: int, trailers: Headers) -> None:
        """Ends a request with trailers."""
        self._h2.send_headers(stream_id, hiding_secrets(trailers), end_stream=True)

    def leave(self, stream_id: int) -> None:
        """The stream is of no more interest: it is cancelled if it has not ended."""
        self._live.discard(stream_id)
        self._withheld.pop(stream_id, None)
        stream = self._h2.streams.get(stream_id)
        if stream is not None and not stream.closed:
            self._h2.reset_stream(stream_id, _CANCEL)
            self._stray += self._stream_window

    def let_come(self, stream_id: int, more: bool) -> None:
        """Has the server send more on a stream, or, once its window is full, nothing until then.
        The others on the connection go on.
        """
        if not more:
            self._withheld.setdefault(stream_id, 0)
            return
        size = self._withheld.pop(stream_id, 0)
        stream = self._h2.streams.get(stream_id)
        if size and stream is not None and not stream.closed:
            self._h2.increment_flow_control_window(size, stream_id)

    def say_goodbye(self) -> None:
        """Tells the server that we close the connection."""
        self._h2.close_connection()

    def _greet(self, settings: WireSettings) -> None:
        said = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: settings.stream_window,
                SettingCodes.MAX_FRAME_SIZE: MAX_FRAME_SIZE,
                SettingCodes.MAX_HEADER_LIST_SIZE: settings.head_size_limit,
            },
        )
        # Younger than HTTP/2 itself: some servers close when they are told of it.
        del said[SettingCodes.ENABLE_CONNECT_PROTOCOL]
        self._h2.local_settings = said
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(
            _CONNECTION_WINDOW - self._h2.inbound_flow_control_window
        )

    # What the server says

    def feed(self, data: bytes) -> Iterator[Happening]:
        """Takes what came; yields what it means, in order.

        Raises WireError, after what came before it, when the server breaks the protocol:
        then the connection is of no more use, and `outgoing` tells the server so.
        """
        try:
            for frame in self._cutter.feed(data):
                yield from self._take(frame)
        except ProtocolError as error:
            raise broken(f"what h2 refuses ({error})") from error
        except WireError:
            self._h2.close_connection(ErrorCodes.PROTOCOL_ERROR)
            raise

    def _take(self, frame: Frame) -> Iterator[Happening]:
        self._guard.count(frame)
        in_block = bool(self._guard.block_stream)
        if self._guard.block_too_large(frame):
            yield from self._spoil_block(frame)
        if frame.kind == FrameType.PUSH_PROMISE:
            raise broken("a push, which we forbade")
        if frame.kind == FrameType.GOAWAY and not in_block:
            yield self._goodbye(frame)
            return
        if frame.kind == FrameType.DATA and frame.stream_id not in self._live:
            self._excuse_stray(frame)
        elif frame.kind == FrameType.HEADERS:
            self._decoder.ending = frame.ends_stream
        for event in self._h2.receive_data(frame.raw):
            happening = self._translate(event)
            if happening is not None:
                yield happening

    def _translate(self, event: Event) -> Happening | None:
        if isinstance(event, RemoteSettingsChanged):
            self.settled = True
            return RoomCame(0)
        if isinstance(event, WindowUpdated):
            return RoomCame(event.stream_id or 0)
        stream_id = getattr(event, "stream_id", None)
        if stream_id not in self._live:
            return None
        if isinstance(event, DataReceived):
            return self._content(event, stream_id)
        if isinstance(event, ResponseReceived | TrailersReceived | InformationalResponseReceived):
            self._guard.progress()
            return HeadersCame(stream_id, self._decoder.fields, self._decoder.ending)
        if isinstance(event, StreamReset):
            return _reset(stream_id, int(event.error_code or 0), by_server=event.remote_reset)
        return None

    def _content(self, event: DataReceived, stream_id: int) -> ContentCame:
        content, ends = event.data or b"", event.stream_ended is not None
        size = event.flow_controlled_length or 0
        if stream_id not in self._withheld:
            # Passed on at once: its room is free again.
            self._h2.acknowledge_received_data(size, stream_id)
        elif size:
            self._withheld[stream_id] += size
            self._h2.increment_flow_control_window(size)
        if content or ends:
            self._guard.progress()
        return ContentCame(stream_id, content, ends)

    def _excuse_stray(self, frame: Frame) -> None:
        """Content for a stream we have left was on its way: within its window no flood."""
        if 0 < len(frame.payload) <= self._stray:
            self._stray -= len(frame.payload)
            self._guard.progress()

    def _spoil_block(self, frame: Frame) -> Iterator[Happening]:
        """One stream's head is too large to be decoded, and so all that follow it."""
        message = "the response's head is larger than anybody may send"
        yield StreamFailed(frame.stream_id, 0, WireError(Reason.HEAD_TOO_LARGE, message))
        raise broken("a header block that is too large")

    def _goodbye(self, frame: Frame) -> GoingAway:
        payload = frame.payload
        if frame.stream_id or len(payload) < 8:
            raise broken("a GOAWAY that is none")
        last_stream_id = int.from_bytes(payload[:4]) & _LAST_STREAM_ID
        code = int.from_bytes(payload[4:8])
        words = f": {payload[8:200].decode(errors='replace')!r}" if len(payload) > 8 else ""
        return GoingAway(last_stream_id, code, f"GOAWAY {error_name(code)}{words}")


def error_name(code: int) -> str:
    """An error code's name (RFC 9113 section 7), for people."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code:#x}"


def _reset(stream_id: int, code: int, *, by_server: bool) -> StreamFailed:
    name = error_name(code)
    if not by_server:
        error = broken("a window that is over its limit")
    elif code == HTTP_1_1_REQUIRED:
        error = WireError(
            Reason.VERSION_NOT_SPOKEN,
            f"the server wants this request over HTTP/1.1 ({name}); {HTTP1_INSTEAD}",
        )
    else:
        error = WireError(Reason.STREAM_RESET, f"the server reset the stream ({name})")
    return StreamFailed(stream_id, code, error)

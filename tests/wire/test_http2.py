"""The protocol of one connection, against h2's server and against what no server may send."""

import struct

import hpack
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.reasons import Reason
from replayd.wire.http2 import HTTP_1_1_REQUIRED, Http2Protocol, error_name
from replayd.wire.http2_events import (
    ContentCame,
    GoingAway,
    Happening,
    HeadersCame,
    RoomCame,
    StreamFailed,
)
from replayd.wire.http2_frames import FrameType
from replayd.wire.settings import WireSettings
from tests.support.http2_peer import STATUS_OK, Http2Peer, frame, goaway

GET: Headers = ((b":method", b"GET"), (b":path", b"/"), (b":scheme", b"https"))
ODD: Headers = (
    *GET,
    (b"X-Upper", b" spaced "),
    (b"connection", b"close"),
    (b"te", b"gzip"),
    (b"cookie", b"a"),
    (b"cookie", b"b"),
    (b"x-latin", b"\xff"),
)


STREAM_WINDOW = 8 << 20


class Pair:
    """A client's protocol and the server it talks to."""

    def __init__(self, **settings: int) -> None:
        self.client = Http2Protocol(WireSettings(stream_window=STREAM_WINDOW))
        self.server = Http2Peer(**settings)

    def talk(self) -> list[Happening]:
        """Passes on what each says until nobody says more; returns what the client heard."""
        heard: list[Happening] = []
        while True:
            said = self.client.outgoing()
            if said:
                self.server.take(said)
            answered = self.server.outgoing()
            heard += self.client.feed(answered)
            if not said and not answered:
                return heard

    def open(self, headers: Headers = GET, *, ends: bool = True) -> int:
        stream_id = self.client.open(headers, ends=ends)
        self.talk()
        return stream_id

    def hear(self, *frames: bytes) -> list[Happening]:
        """What the client makes of frames made by hand."""
        return list(self.client.feed(b"".join(frames)))


@pytest.fixture
def pair() -> Pair:
    made = Pair()
    made.talk()
    return made


def block(*fields: tuple[bytes, bytes]) -> bytes:
    return hpack.Encoder().encode(fields)


# Regular


def test_fields_leave_byte_for_byte(pair: Pair) -> None:
    stream_id = pair.open(ODD)
    assert pair.server.headers[stream_id] == ODD


def test_a_response_is_heard_as_it_was_said(pair: Pair) -> None:
    stream_id = pair.open()
    fields: Headers = ((b":status", b"200"), (b"set-cookie", b"a"), (b"set-cookie", b"b"))
    pair.server.h2.send_headers(stream_id, ((b":status", b"103"), (b"link", b"x")))
    pair.server.answer(stream_id, fields, b"content", ((b"x-t", b"1"),))
    assert pair.talk() == [
        HeadersCame(stream_id, ((b":status", b"103"), (b"link", b"x")), False),
        HeadersCame(stream_id, fields, False),
        ContentCame(stream_id, b"content", False),
        HeadersCame(stream_id, ((b"x-t", b"1"),), True),
    ]


def test_says_no_to_pushes_and_asks_for_wide_windows(pair: Pair) -> None:
    said = pair.server.h2.remote_settings
    assert (said.enable_push, said.max_header_list_size) == (0, WireSettings().head_size_limit)
    assert said.initial_window_size >= 4 * 1024 * 1024
    assert pair.server.h2.outbound_flow_control_window >= said.initial_window_size


def test_content_passes_without_waiting_for_us(pair: Pair) -> None:
    stream_id = pair.open()
    pair.server.h2.send_headers(stream_id, STATUS_OK)
    got = 0
    for _ in range(4096):
        pair.server.h2.send_data(stream_id, bytes(16384))
        got += sum(len(each.content) for each in pair.talk() if isinstance(each, ContentCame))
    assert got == 64 * 1024 * 1024


def test_a_stream_that_has_to_wait_is_sent_no_more_than_its_window(pair: Pair) -> None:
    waits, goes_on = pair.open(), pair.open()
    server = pair.server.h2
    for stream_id in (waits, goes_on):
        server.send_headers(stream_id, STATUS_OK)
    pair.client.let_come(waits, False)
    piece = bytes(16384)
    for _ in range(STREAM_WINDOW // len(piece)):
        server.send_data(waits, piece)
        pair.talk()
    assert server.local_flow_control_window(waits) == 0
    for _ in range(3 * STREAM_WINDOW // len(piece)):
        server.send_data(goes_on, piece)
        pair.talk()
    assert server.local_flow_control_window(goes_on) > STREAM_WINDOW // 2, "others go on"
    pair.client.let_come(waits, True)
    pair.talk()
    assert server.local_flow_control_window(waits) == STREAM_WINDOW
    server.send_data(waits, piece, end_stream=True)
    assert pair.talk()[-1] == ContentCame(waits, piece, True)
    pair.client.let_come(waits, True)


def test_one_that_has_to_wait_may_be_left(pair: Pair) -> None:
    stream_id = pair.open()
    pair.server.h2.send_headers(stream_id, STATUS_OK)
    pair.client.let_come(stream_id, False)
    pair.server.h2.send_data(stream_id, b"some")
    pair.talk()
    pair.client.leave(stream_id)
    pair.client.let_come(stream_id, True)
    pair.talk()
    assert pair.server.resets == {stream_id: ErrorCodes.CANCEL}


def test_content_goes_as_far_as_the_windows(pair: Pair) -> None:
    pair.server.gives_room = False
    stream_id = pair.open(ends=False)
    content = memoryview(bytes(100_000))
    sent = 0
    while size := pair.client.send(stream_id, content[sent:], ends=True):
        sent += size
    assert sent == 65535
    pair.talk()
    pair.server.h2.increment_flow_control_window(50_000)
    assert pair.talk() == [RoomCame(0)]
    pair.server.h2.increment_flow_control_window(50_000, stream_id)
    assert pair.talk() == [RoomCame(stream_id)]
    while size := pair.client.send(stream_id, content[sent:], ends=True):
        sent += size
    pair.talk()
    assert list(pair.server.whole) == [stream_id]
    assert pair.server.contents[stream_id] == bytes(100_000)


def test_settings_change_in_the_middle(pair: Pair) -> None:
    stream_id = pair.open(ends=False)
    pair.server.h2.update_settings(
        {SettingCodes.INITIAL_WINDOW_SIZE: 10, SettingCodes.MAX_FRAME_SIZE: 20_000}
    )
    assert RoomCame(0) in pair.talk()
    content = memoryview(bytes(70_000))
    assert pair.client.send(stream_id, content, ends=False) == 10
    pair.server.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 60_000})
    pair.talk()
    assert pair.client.send(stream_id, content, ends=False) == 20_000


def test_trailers_end_a_request(pair: Pair) -> None:
    stream_id = pair.open(ends=False)
    pair.client.send_trailers(stream_id, ((b"X-T", b"1"),))
    pair.talk()
    assert pair.server.trailers[stream_id] == ((b"X-T", b"1"),)
    assert list(pair.server.whole) == [stream_id]


def test_a_long_head_takes_several_frames(pair: Pair) -> None:
    headers = (*GET, *((b"x-%d" % at, bytes(9000)) for at in range(6)))
    stream_id = pair.client.open(headers, ends=True)
    said = pair.client.outgoing()
    pair.server.take(said)
    assert pair.server.headers[stream_id] == headers


def test_one_stream_until_the_settings_are_known_then_as_many_as_allowed() -> None:
    pair = Pair(max_concurrent_streams=2)
    assert (pair.client.room, pair.client.settled) == (1, False)
    first = pair.client.open(GET, ends=True)
    assert pair.client.room == 0
    pair.talk()
    assert (pair.client.room, pair.client.settled) == (1, True)
    second = pair.open()
    assert pair.client.room == 0
    pair.client.leave(first)
    assert pair.client.room == 1
    assert second == first + 2


def test_leaving_cancels_what_has_not_ended(pair: Pair) -> None:
    whole, running = pair.open(), pair.open()
    pair.server.answer(whole)
    pair.talk()
    pair.client.leave(whole)
    pair.client.leave(running)
    pair.talk()
    assert pair.server.resets == {running: ErrorCodes.CANCEL}


def test_goodbye_is_said(pair: Pair) -> None:
    pair.client.say_goodbye()
    pair.server.take(pair.client.outgoing())
    assert pair.server.terminated is not None
    assert pair.server.terminated.error_code is ErrorCodes.NO_ERROR


# Resets and goodbyes


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (ErrorCodes.REFUSED_STREAM, Reason.STREAM_RESET, "REFUSED_STREAM"),
        (HTTP_1_1_REQUIRED, Reason.VERSION_NOT_SPOKEN, "--http-version"),
        (0x99, Reason.STREAM_RESET, "error 0x99"),
    ],
)
def test_a_reset_names_its_code(pair: Pair, code: int, reason: Reason, words: str) -> None:
    stream_id = pair.open()
    (heard,) = pair.hear(frame(FrameType.RST_STREAM, struct.pack(">L", code), stream_id=stream_id))
    assert isinstance(heard, StreamFailed)
    assert (heard.stream_id, heard.code, heard.error.reason) == (stream_id, code, reason)
    assert words in heard.error.message


def test_streams_go_on_after_a_goodbye(pair: Pair) -> None:
    first, second = pair.open(), pair.open()
    pair.server.by_hand(goaway(first, 0, b"bye"))
    pair.server.answer(first, content=b"late")
    heard = pair.talk()
    assert heard[0] == GoingAway(first, 0, "GOAWAY NO_ERROR: 'bye'")
    assert ContentCame(first, b"late", True) in heard
    pair.server.answer(second)
    assert HeadersCame(second, STATUS_OK, True) in pair.talk()


def test_error_names() -> None:
    assert error_name(0xB) == "ENHANCE_YOUR_CALM"
    assert error_name(0x1234) == "error 0x1234"


# One stream's own faults


@pytest.mark.parametrize(
    "fields",
    [
        [(b"x", b"y")],
        [(b":status", b"x")],
        [(b":status", b"200"), (b"content-length", b"x")],
        [(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"2")],
        [(b":status", b"200"), (b"X Y", b"\0")],
    ],
)
def test_an_odd_head_does_not_end_the_connection(pair: Pair, fields: list) -> None:
    odd, plain = pair.open(), pair.open()
    head = frame(FrameType.HEADERS, block(*fields), stream_id=odd, flags=0x4)
    assert pair.hear(head) == [HeadersCame(odd, tuple(fields), False)]
    pair.client.leave(odd)
    pair.server.answer(plain)
    assert HeadersCame(plain, STATUS_OK, True) in pair.talk()


def test_content_after_a_head_request_is_its_own_matter(pair: Pair) -> None:
    stream_id = pair.open(((b":method", b"HEAD"), *GET[1:]))
    pair.server.answer(stream_id, content=b"content")
    assert ContentCame(stream_id, b"content", True) in pair.talk()


def test_more_content_than_was_said_is_its_own_matter(pair: Pair) -> None:
    stream_id = pair.open()
    pair.server.answer(stream_id, (*STATUS_OK, (b"content-length", b"1")), b"content")
    assert ContentCame(stream_id, b"content", True) in pair.talk()


def test_an_interim_end_is_its_own_matter(pair: Pair) -> None:
    stream_id = pair.open()
    head = frame(FrameType.HEADERS, block((b":status", b"103")), stream_id=stream_id, flags=0x5)
    assert pair.hear(head) == [HeadersCame(stream_id, ((b":status", b"103"),), True)]


def test_a_window_that_grows_too_far_is_its_own_matter(pair: Pair) -> None:
    stream_id = pair.open()
    grown = frame(FrameType.WINDOW_UPDATE, struct.pack(">L", 2**31 - 1), stream_id=stream_id)
    (heard,) = pair.hear(grown)
    assert isinstance(heard, StreamFailed)
    assert heard.error.reason is Reason.INVALID_RESPONSE


def test_what_comes_late_for_a_stream_that_was_left(pair: Pair) -> None:
    left, other = pair.open(), pair.open()
    pair.server.h2.send_headers(left, STATUS_OK)
    for _ in range(2000):
        pair.server.h2.send_data(left, bytes(4000))
    late = pair.server.outgoing()
    pair.client.leave(left)
    assert pair.hear(late) == []
    pair.server.answer(other)
    assert HeadersCame(other, STATUS_OK, True) in pair.hear(pair.server.outgoing())


# What ends the connection


EMPTY = frame(FrameType.DATA, stream_id=1)
PADDED = frame(FrameType.DATA, b"\x05" + bytes(5), stream_id=1, flags=0x8)
HEAD = frame(FrameType.HEADERS, block((b":status", b"200")), stream_id=1, flags=0x4)
OPENED = frame(FrameType.HEADERS, b"", stream_id=1)
FLOODS = {
    "ping": [frame(FrameType.PING, bytes(8))],
    "settings": [frame(FrameType.SETTINGS)],
    "settings-ack": [frame(FrameType.SETTINGS, flags=1)],
    "priority": [frame(FrameType.PRIORITY, bytes(5), stream_id=3)],
    "window": [frame(FrameType.WINDOW_UPDATE, struct.pack(">L", 1))],
    "unknown": [frame(0x55, b"x")],
    "reset": [frame(FrameType.RST_STREAM, bytes(4), stream_id=1)],
    "goaway": [goaway(2**31 - 1)],
}
BREAKS = {
    "empty-data": HEAD + EMPTY * 1001,
    "padding-only": HEAD + PADDED * 1001,
    "continuation": OPENED + frame(FrameType.CONTINUATION, b"", stream_id=1) * 1001,
    "push": frame(FrameType.PUSH_PROMISE, bytes(4), stream_id=1, flags=0x4),
    "naked-continuation": frame(FrameType.CONTINUATION, b"", stream_id=1),
    "other-in-block": OPENED + frame(FrameType.PING, bytes(8)),
    "goaway-in-block": OPENED + goaway(0),
    "data-on-idle": frame(FrameType.DATA, b"x", stream_id=9),
    "headers-on-idle": frame(FrameType.HEADERS, block((b":status", b"200")), stream_id=9, flags=4),
    "data-before-head": frame(FrameType.DATA, b"x", stream_id=1),
    "bad-hpack": frame(FrameType.HEADERS, b"\xff" * 9, stream_id=1, flags=0x4),
    "bad-padding": frame(FrameType.DATA, b"\xff", stream_id=1, flags=0x8),
    "short-goaway": frame(FrameType.GOAWAY, b"1234"),
    "stream-goaway": frame(FrameType.GOAWAY, bytes(8), stream_id=1),
    "short-ping": frame(FrameType.PING, b"1"),
    "no-window": frame(FrameType.WINDOW_UPDATE, bytes(4)),
    "large": b"\xff\xff\xff\x00" + bytes(5),
    "bomb": frame(
        FrameType.HEADERS,
        block((b":status", b"200"), (b"x", bytes(4000))) + bytes([0x80 | 62]) * 100,
        stream_id=1,
        flags=0x4,
    ),
    "window-overflow": frame(FrameType.WINDOW_UPDATE, struct.pack(">L", 2**31 - 1)),
    "trailers-without-end": HEAD * 2,
}


def broken_by(pair: Pair, data: bytes) -> WireError:
    """What the client says of bytes, and that it says goodbye to the server."""
    with pytest.raises(WireError) as caught:
        pair.hear(data)
    assert frame(FrameType.GOAWAY)[3:4] == pair.client.outgoing()[-14:-13]
    return caught.value


@pytest.mark.parametrize("data", BREAKS.values(), ids=BREAKS)
def test_a_server_that_breaks_the_protocol(pair: Pair, data: bytes) -> None:
    pair.open()
    error = broken_by(pair, data)
    assert error.reason is Reason.INVALID_RESPONSE
    assert error.message.startswith("the server breaks HTTP/2: it sent ")


@pytest.mark.parametrize("frames", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_the_connection(pair: Pair, frames: list[bytes]) -> None:
    pair.open()
    assert "1000 frames that bring nothing on" in broken_by(pair, b"".join(frames) * 1100).message


def test_a_server_without_end_for_a_stream_that_was_left(pair: Pair) -> None:
    left = pair.open()
    pair.client.leave(left)
    data = frame(FrameType.DATA, bytes(16000), stream_id=left)
    with pytest.raises(WireError, match="1000 frames that bring nothing on"):
        pair.hear(data * 3000)


def test_a_head_that_is_too_large_to_be_read_is_told_of_its_stream(pair: Pair) -> None:
    guilty = pair.open()
    more = frame(FrameType.CONTINUATION, bytes(16384), stream_id=guilty)
    feeding = pair.client.feed(frame(FrameType.HEADERS, b"", stream_id=guilty) + more * 9)
    failed = next(feeding)
    assert isinstance(failed, StreamFailed)
    assert (failed.stream_id, failed.error.reason) == (guilty, Reason.HEAD_TOO_LARGE)
    with pytest.raises(WireError, match="a header block that is too large"):
        next(feeding)

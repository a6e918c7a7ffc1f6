"""Frames: ours as a server reads them, a server's as we do, and what a server may not do.

The other side is written by hand here, or is the protocol of `websockets`, which shares no
code with wsproto.
"""

import struct
from collections.abc import Sequence

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close as TheirClose
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from replayd.errors import WireError
from replayd.model.flow import WebSocketMessageKind
from replayd.reasons import Reason
from replayd.wire.permessage_deflate import Compressor, Deflate
from replayd.wire.websocket import PIECE, Close, Frames

TEXT, BINARY = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY
LIMIT = 1 << 20

Messages = list[tuple[WebSocketMessageKind, bytes]]


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, bits: int = 0) -> bytes:
    """A server's frame."""
    first = opcode | (0x80 if fin else 0) | bits
    if len(payload) < 126:
        return bytes((first, len(payload))) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", first, 126, len(payload)) + payload
    return struct.pack("!BBQ", first, 127, len(payload)) + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(8, struct.pack("!H", code) + reason)


def server(*extensions: PerMessageDeflate) -> Protocol:
    """The other side."""
    theirs = Protocol(Side.SERVER, state=State.OPEN, max_size=None)
    theirs.extensions = list(extensions)
    return theirs


def sent_to(theirs: Protocol, data: bytes) -> list[Frame]:
    """The frames that a server reads in our bytes."""
    theirs.receive_data(data)
    return [event for event in theirs.events_received() if isinstance(event, Frame)]


def came(frames: Frames, data: bytes, step: int = 1 << 30) -> Messages:
    """The messages in bytes that come in steps."""
    messages: Messages = []

    def take(kind: WebSocketMessageKind, content: bytes) -> None:
        messages.append((kind, content))

    for at in range(0, len(data), step):
        more = frames.feed(data[at : at + step], take)
        while more:
            more = frames.feed(b"", take)
    return messages


def fault(frames: Frames, data: bytes, step: int = 1 << 30) -> WireError:
    with pytest.raises(WireError) as caught:
        came(frames, data, step)
    return caught.value


def reply_code(frames: Frames) -> int:
    """The code of the Close frame that the server gets."""
    (reply,) = sent_to(server(), frames.take_reply())
    assert reply.opcode is Opcode.CLOSE
    return TheirClose.parse(reply.data).code


# Out


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1_000_001])
def test_a_message_is_one_masked_frame(size: int) -> None:
    content = bytes(at % 251 for at in range(size))
    data = Frames(None, LIMIT).message(BINARY, content)
    assert data[1] & 0x80
    assert sent_to(server(), data) == [Frame(Opcode.BINARY, content)]


@pytest.mark.parametrize("text", ["", "päivää", "\0", "\U0001f600" * 99])
def test_a_text_is_a_text(text: str) -> None:
    data = Frames(None, LIMIT).message(TEXT, text.encode())
    assert sent_to(server(), data) == [Frame(Opcode.TEXT, text.encode())]


@pytest.mark.parametrize("deflate", [None, Deflate()])
def test_a_text_that_is_not_utf_8_leaves_as_it_is(deflate: Deflate | None) -> None:
    data = Frames(deflate, LIMIT).message(TEXT, b"\xff\xfe\x80")
    theirs = server(*([PerMessageDeflate(False, False, 15, 15)] if deflate else []))
    assert [each.data for each in sent_to(theirs, data)] == [b"\xff\xfe\x80"]


def test_each_mask_is_another() -> None:
    frames = Frames(None, LIMIT)
    masks = {frames.message(BINARY, b"x")[2:6] for _ in range(9)}
    assert len(masks) > 1


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1001, "away", b"\x03\xe9away"),
        (4999, "", b"\x13\x87"),
        (0, "unsaid", b""),
        (1000, "é" * 99, b"\x03\xe8" + "é".encode() * 61),
    ],
)
def test_our_close(code: int, reason: str, payload: bytes) -> None:
    theirs = server()
    assert sent_to(theirs, Frames(None, LIMIT).close(code, reason)) == [
        Frame(Opcode.CLOSE, payload)
    ]


# In


CONVERSATION = (
    frame(1, "päivää".encode())
    + frame(9, b"are you there")
    + frame(2, b"", fin=False)
    + frame(0, b"in ", fin=False)
    + frame(10)
    + frame(0, b"parts")
    + frame(1)
    + frame(2, b"x" * 70_000)
    + close_frame(1001, b"away")
)


@pytest.mark.parametrize("step", [1, 2, 3, 1000, 1 << 30])
def test_messages_come_whole_however_they_are_cut(step: int) -> None:
    frames = Frames(None, LIMIT)
    assert came(frames, CONVERSATION, step) == [
        (TEXT, "päivää".encode()),
        (BINARY, b"in parts"),
        (TEXT, b""),
        (BINARY, b"x" * 70_000),
    ]
    assert frames.closed == Close(1001, "away")
    (reply,) = sent_to(server(), frames.take_reply())
    assert (reply.opcode, reply.data) == (Opcode.CLOSE, b"\x03\xe9away")
    assert frames.take_reply() == b""


def test_what_comes_after_a_close_is_nothing() -> None:
    frames = Frames(None, LIMIT)
    assert came(frames, frame(8) + frame(1, b"late")) == []
    assert came(frames, b"\xff\xff\xff") == []
    assert frames.closed == Close(0, "")


def test_the_answer_to_our_close_is_not_answered() -> None:
    frames = Frames(None, LIMIT)
    frames.close(1000, "")
    assert came(frames, frame(9, b"?") + frame(1, b"still") + close_frame(1000)) == [
        (TEXT, b"still")
    ]
    assert frames.closed == Close(1000, "")
    assert frames.take_reply() == b""


def test_of_several_pings_the_last_is_answered() -> None:
    frames = Frames(None, LIMIT)
    came(frames, frame(9, b"one") + frame(9, b"two"))
    assert sent_to(server(), frames.take_reply()) == [Frame(Opcode.PONG, b"two")]
    assert frames.take_reply() == b""


def test_only_messages_are_heard() -> None:
    frames = Frames(None, LIMIT)
    for data, heard in [
        (frame(9), False),
        (frame(10), False),
        (frame(1, fin=False), False),
        (frame(0, b"a", fin=False), True),
        (frame(0), True),
    ]:
        before = frames.heard
        came(frames, data)
        assert (frames.heard != before) is heard


# Compression


@pytest.mark.parametrize("step", [1, 7, 1 << 30])
@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("bits", [9, 15])
def test_compressed_both_ways(step: int, forgets: bool, bits: int) -> None:
    frames = Frames(Deflate(bits, bits, forgets, forgets), LIMIT)
    theirs = server(PerMessageDeflate(forgets, forgets, bits, bits))
    contents = [b"hello", b"", b"", b"hello" * 9999, b"hello"]
    for content in contents:
        (arrived,) = sent_to(theirs, frames.message(TEXT, content))
        assert arrived.data == content
        theirs.send_text(content[:2], fin=False)
        theirs.send_ping(b"amidst")
        theirs.send_continuation(content[2:], fin=True)
    theirs.send_close(1000)
    assert came(frames, b"".join(theirs.data_to_send()), step) == [
        (TEXT, each) for each in contents
    ]
    assert frames.closed == Close(1000, "")


def test_a_message_may_be_plain_where_compression_was_agreed_on() -> None:
    frames = Frames(Deflate(), LIMIT)
    compressed = Compressor(15, forgets=False).compress(b"pressed")
    data = frame(1, b"plain") + frame(1, compressed, bits=0x40) + frame(2, b"plain")
    assert came(frames, data) == [(TEXT, b"plain"), (TEXT, b"pressed"), (BINARY, b"plain")]


# What a server may not do


MASKED = b"\x81\x82\0\0\0\0hi"

FAULTS: dict[str, tuple[bytes, str, int]] = {
    "masked": (MASKED, "unexpected masked frame", 1002),
    "reserved-bit-1": (frame(1, bits=0x40), "Reserved bit", 1002),
    "reserved-bit-3": (frame(2, bits=0x10), "Reserved bit", 1002),
    "reserved-opcode": (frame(3), "Invalid opcode 0x3", 1002),
    "reserved-control": (frame(11), "Invalid opcode 0xb", 1002),
    "text-not-utf-8": (frame(1, b"\xff"), "can't decode byte 0xff", 1007),
    "text-cut-utf-8": (frame(1, b"\xc3"), "unexpected end of data", 1007),
    "long-ping": (frame(9, b"x" * 126), "Control frame with payload len > 125", 1002),
    "cut-ping": (frame(9, fin=False), "fragment control frame", 1002),
    "nothing-to-continue": (frame(0), "unexpected CONTINUATION", 1002),
    "amidst": (frame(1, b"a", fin=False) + frame(1, b"b"), "expected CONTINUATION", 1002),
    "wasteful-length": (b"\x82\x7e\0\x05hello", "when 1 would have sufficed", 1002),
    "endless-length": (b"\x82\x7f" + b"\xff" * 8, "non-zero MSB", 1002),
    "close-of-one-byte": (frame(8, b"\x03"), "1 byte", 1002),
    "close-1005": (close_frame(1005), "local-only", 1002),
    "close-999": (close_frame(999), "invalid code", 1002),
    "close-2000": (close_frame(2000), "reserved code", 1002),
    "close-not-utf-8": (close_frame(1000, b"\xff"), "can't decode", 1007),
    "http": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "Reserved bit|opcode|fragment", 1002),
}


@pytest.mark.parametrize("step", [1, 1 << 30])
@pytest.mark.parametrize(("data", "said", "code"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_and_the_server_told(data: bytes, said: str, code: int, step: int) -> None:
    frames = Frames(None, LIMIT)
    assert came(frames, frame(1, b"before")) == [(TEXT, b"before")]
    error = fault(frames, data, step)
    assert error.reason is Reason.INVALID_RESPONSE
    assert error.message.startswith("the server breaks the WebSocket protocol: ")
    assert any(part in error.message for part in said.split("|"))
    assert f"({code})" in error.message
    assert reply_code(frames) == code
    assert frames.closed is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(1, b"\xff\xff\xff", bits=0x40), 1007),
        (frame(1, Compressor(15, forgets=False).compress(b"\xff"), bits=0x40), 1007),
        (frame(9, b"", bits=0x40), 1002),
        (frame(1, b"a", fin=False) + frame(0, b"b", bits=0x40), 1002),
        (frame(1, b"", bits=0x20), 1002),
    ],
    ids=["not-deflated", "deflated-but-not-utf-8", "control", "continued", "reserved-bit-2"],
)
def test_faults_of_compression(data: bytes, code: int) -> None:
    frames = Frames(Deflate(), LIMIT)
    assert fault(frames, data).reason is Reason.INVALID_RESPONSE
    assert reply_code(frames) == code


def test_after_our_close_a_fault_has_no_answer() -> None:
    frames = Frames(None, LIMIT)
    frames.close(1000, "")
    assert fault(frames, MASKED).reason is Reason.INVALID_RESPONSE
    assert frames.take_reply() == b""


# Limits


@pytest.mark.parametrize(
    ("contents", "fits"),
    [
        ([b"x" * 968], True),
        ([b"x" * 969], False),
        ([b"x" * 468, b"x" * 468], True),
        ([b"x" * 468, b"x" * 469], False),
        ([b""] * 31, True),
        ([b""] * 32, False),
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 30])
def test_messages_count_with_what_they_cost(
    contents: Sequence[bytes], fits: bool, step: int
) -> None:
    frames = Frames(None, 1000)
    data = b"".join([frame(2, each) for each in contents])
    if fits:
        assert len(came(frames, data, step)) == len(contents)
        return
    error = fault(frames, data, step)
    assert error.reason is Reason.BODY_TOO_LARGE
    assert "larger than 1000 bytes" in error.message
    assert reply_code(frames) == 1009


def test_what_came_before_the_limit_was_handed_over() -> None:
    messages: Messages = []
    with pytest.raises(WireError):
        Frames(None, 1000).feed(
            frame(1, b"first") + frame(2, b"x" * 1000), lambda *each: messages.append(each)
        )
    assert messages == [(TEXT, b"first")]


def test_a_message_that_never_ends_is_too_large() -> None:
    frames = Frames(None, 1000)
    came(frames, frame(2, b"x", fin=False))
    assert fault(frames, frame(0, b"x", fin=False) * 1000).reason is Reason.BODY_TOO_LARGE


@pytest.mark.parametrize("step", [100, 1 << 30])
def test_a_bomb_is_too_large(step: int) -> None:
    bomb = Compressor(15, forgets=False).compress(bytes(20_000_000))
    frames = Frames(Deflate(), LIMIT)
    assert fault(frames, frame(2, bomb, bits=0x40), step).reason is Reason.BODY_TOO_LARGE
    assert reply_code(frames) == 1009


@pytest.mark.parametrize(
    "idle",
    [frame(9, b"?"), frame(10), frame(9) + frame(10)],
    ids=["pings", "pongs", "both"],
)
def test_a_flood_of_control_frames_is_a_fault(idle: bytes) -> None:
    frames = Frames(None, LIMIT)
    error = fault(frames, idle * 10_001)
    assert error.reason is Reason.INVALID_RESPONSE
    assert "without a message (1008)" in error.message
    assert reply_code(frames) == 1008


def test_a_flood_of_empty_fragments_is_a_fault() -> None:
    frames = Frames(None, LIMIT)
    data = frame(1, fin=False) + frame(0, fin=False) * 10_001
    assert fault(frames, data).reason is Reason.INVALID_RESPONSE


def test_many_frames_are_read_in_several_turns() -> None:
    frames, turns = Frames(None, LIMIT), []
    more = True
    data = frame(1, b"x") * 1200 + close_frame(1000) + frame(1)
    while more:
        turn: Messages = []
        more = frames.feed(data, lambda *each, turn=turn: turn.append(each))
        turns.append(len(turn))
        data = b""
    assert turns == [500, 500, 200]
    assert frames.closed == Close(1000, "")


def test_pings_between_messages_are_no_flood() -> None:
    frames = Frames(None, LIMIT)
    assert len(came(frames, (frame(9) * 9_999 + frame(1)) * 3)) == 3


def test_what_is_held_is_the_message_that_has_not_ended() -> None:
    frames, heard = Frames(None, LIMIT), []
    frames.feed(b"\x02\x05first", lambda *message: heard.append(message))
    assert (frames.held, heard) == (5, [])
    frames.feed(b"\x80\x04last", lambda *message: heard.append(message))
    assert (frames.held, heard) == (0, [(BINARY, b"firstlast")])


LARGE = b"h\xc3\xa9llo" * 60_000


@pytest.mark.parametrize("kind", [TEXT, BINARY])
@pytest.mark.parametrize("deflate", [None, Deflate(), Deflate(client_forgets=True)])
def test_a_large_message_is_the_same_frame_in_pieces(
    kind: WebSocketMessageKind, deflate: Deflate | None
) -> None:
    theirs = server(*([] if deflate is None else [PerMessageDeflate(False, False, 15, 15)]))
    frames = Frames(deflate, LIMIT)
    for _ in range(2):
        pieces = list(frames.message_in_pieces(kind, LARGE, b"mask"))
        assert max(map(len, pieces)) <= PIECE
        # While it is compressed there is nothing to send.
        made = pieces.count(b"")
        assert made == (0 if deflate is None else len(LARGE) // PIECE + 2)
        (got,) = sent_to(theirs, b"".join(pieces))
        assert (got.data, got.fin) == (LARGE, True)
        assert got.opcode is (Opcode.TEXT if kind is TEXT else Opcode.BINARY)
        (small,) = sent_to(theirs, frames.message(kind, b"small"))
        assert small.data == b"small"


def test_what_inflates_to_much_is_read_in_turns() -> None:
    content = b"a" * (8 << 20)
    packed = Compressor(15, forgets=False).compress(content)
    frames = Frames(Deflate(), 1 << 30)
    messages: Messages = []
    turns, most, held = 1, 0, 0
    more = frames.feed(frame(2, packed, bits=0x40), lambda *message: messages.append(message))
    while more:
        most, held = max(most, frames.held - held), frames.held
        more = frames.feed(b"", lambda *message: messages.append(message))
        turns += 1
    assert messages == [(BINARY, content)]
    assert turns >= 4
    assert most <= 3 << 20

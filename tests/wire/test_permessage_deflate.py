"""Compressed WebSocket messages: RFC 7692's own examples, zlib's corners, and bombs."""

import zlib

import pytest

from replayd.wire.permessage_deflate import Compressor, Inflater, TooLargeError

HELLO = bytes.fromhex("f248cdc9c90700")
ROOM = 1 << 20


def inflated(inflater: Inflater, *pieces: bytes, room: int = ROOM) -> bytes:
    """A message that comes in pieces."""
    content = b"".join([inflater.inflate(piece, room) for piece in pieces])
    return content + inflater.end_message(room)


@pytest.mark.parametrize(
    "compressed",
    [
        HELLO,  # RFC 7692 section 7.2.3.1
        bytes.fromhex("00 05 00 fa ff 48 65 6c 6c 6f 00"),  # 7.2.3.3, not compressed
        bytes.fromhex("f3 48 cd c9 c9 07 00 00"),  # 7.2.3.4, a final block
        bytes.fromhex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"),  # 7.2.3.5, two blocks
    ],
    ids=["one-block", "stored", "final-block", "two-blocks"],
)
def test_the_examples_of_the_rfc(compressed: bytes) -> None:
    assert inflated(Inflater(15, forgets=False), compressed) == b"Hello"
    cut = [compressed[at : at + 1] for at in range(len(compressed))]
    assert inflated(Inflater(15, forgets=False), *cut) == b"Hello"


def test_a_window_is_shared_by_messages_unless_one_forgets() -> None:
    shared, forgetful = Compressor(15, forgets=False), Compressor(15, forgets=True)
    assert [shared.compress(b"Hello") for _ in range(2)] == [
        HELLO,
        bytes.fromhex("f200110000"),  # RFC 7692 section 7.2.3.2
    ]
    assert [forgetful.compress(b"Hello") for _ in range(2)] == [HELLO, HELLO]


@pytest.mark.parametrize("bits", [8, 9, 12, 15])
@pytest.mark.parametrize(("we", "they"), [(False, False), (True, False), (True, True)])
def test_whatever_goes_out_comes_in(bits: int, we: bool, they: bool) -> None:
    compressor, inflater = Compressor(bits, forgets=we), Inflater(bits, forgets=they)
    noise = bytes(at * at % 251 for at in range(9999))
    for message in (b"", b"", b"a", noise, b"", noise[500:], b"x" * 100_000):
        assert inflated(inflater, compressor.compress(message)) == message


def test_a_window_of_eight_bits_is_never_overrun() -> None:
    message = bytes(range(256)) + bytes(range(200)) + b"end" * 99
    compressed = Compressor(8, forgets=False).compress(message)
    assert zlib.decompressobj(-8).decompress(compressed + b"\0\0\xff\xff") == message


def test_after_a_final_block_the_next_message_is_read() -> None:
    inflater = Inflater(15, forgets=False)
    final = bytes.fromhex("f3 48 cd c9 c9 07 00 00")
    assert [inflated(inflater, each) for each in (final, HELLO, final)] == [b"Hello"] * 3


def test_nothing_is_inflated_beyond_the_room() -> None:
    bomb = Compressor(15, forgets=False).compress(bytes(10_000_000))
    assert len(bomb) < 10_000
    with pytest.raises(TooLargeError):
        inflated(Inflater(15, forgets=False), bomb, room=9_999_999)
    assert len(inflated(Inflater(15, forgets=False), bomb, room=10_000_000)) == 10_000_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xff\xff", "invalid block type"),
        (b"\x03\0" * 9, "several final blocks"),
        (b"\xf2\x00\x11\x00\x00", "invalid distance too far back"),
    ],
    ids=["noise", "finals", "of-another-window"],
)
def test_what_is_not_deflated_is_said(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        inflated(Inflater(15, forgets=False), data)

"""Bytes changed at random: what transport errors, broken tools and attackers do to them."""

from collections.abc import Sequence
from random import Random
from typing import ClassVar

MAX_SIZE = 1 << 16
"""Bytes of what is made: short inputs are fast ones."""

_ODD_BYTES = b"\0\t\n\r \"'$%&()/:;<=>@[\\]{|}\x7f\x80\xff"
_ODD_NUMBERS = (b"0", b"-1", b"1e999", b"4294967296", b"9223372036854775808", b"9" * 19)
_REPEATED = (2, 2, 2, 3, 3, 16, 17, 17, 64, 300)


class Octets:
    """Changes bytes, with these words among what is put in."""

    def __init__(self, words: Sequence[bytes]) -> None:
        self._words = (*words, *_ODD_NUMBERS)

    def changed(self, data: bytes, rng: Random) -> bytes:
        """Returns the data with one to some changes."""
        made = bytearray(data)
        while True:
            rng.choice(self._changes)(self, made, rng)
            if rng.random() < 0.5:
                return bytes(made[:MAX_SIZE])

    def _flip(self, made: bytearray, rng: Random) -> None:
        if made:
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)

    def _replace(self, made: bytearray, rng: Random) -> None:
        if made:
            made[rng.randrange(len(made))] = rng.choice(_ODD_BYTES)

    def _put_byte(self, made: bytearray, rng: Random) -> None:
        at = rng.randrange(len(made) + 1)
        made[at:at] = bytes((rng.choice(_ODD_BYTES),))

    def _put_word(self, made: bytearray, rng: Random) -> None:
        at = rng.randrange(len(made) + 1)
        made[at:at] = rng.choice(self._words)

    def _write_word(self, made: bytearray, rng: Random) -> None:
        word = rng.choice(self._words)
        at = rng.randrange(len(made) + 1)
        made[at : at + len(word)] = word

    def _remove(self, made: bytearray, rng: Random) -> None:
        start, end = _span(made, rng)
        del made[start:end]

    def _repeat(self, made: bytearray, rng: Random) -> None:
        start, end = _span(made, rng)
        made[start:end] = made[start:end] * rng.choice(_REPEATED)
        del made[MAX_SIZE:]

    def _move(self, made: bytearray, rng: Random) -> None:
        start, end = _span(made, rng)
        taken = made[start:end]
        del made[start:end]
        at = rng.randrange(len(made) + 1)
        made[at:at] = taken

    def _change_number(self, made: bytearray, rng: Random) -> None:
        """Puts another number in the place of the next one."""
        at = rng.randrange(len(made) + 1)
        while at < len(made) and not 0x30 <= made[at] <= 0x39:
            at += 1
        end = at
        while end < len(made) and 0x30 <= made[end] <= 0x39:
            end += 1
        near = b"%d" % max(int(made[at:end][:9] or b"0") + rng.randrange(-2, 3), 0)
        made[at:end] = rng.choice((near, rng.choice(_ODD_NUMBERS)))

    def _cut(self, made: bytearray, rng: Random) -> None:
        if rng.random() < 0.3:
            del made[rng.randrange(len(made) + 1) :]

    def _change_line(self, made: bytearray, rng: Random) -> None:
        """Removes, doubles or empties the next line, or ends it otherwise."""
        start = made.find(b"\n", rng.randrange(len(made) + 1)) + 1
        end = made.find(b"\n", start) + 1 or len(made)
        line = bytes(made[start:end])
        ended = line.rstrip(b"\r\n") + rng.choice((b"\n", b"\r\n", b"\r", b"\n\n", b" \\\n"))
        made[start:end] = rng.choice((b"", line * 2, b"\n", ended))

    _changes: ClassVar = (
        _flip,
        _replace,
        _put_byte,
        _put_word,
        _write_word,
        _remove,
        _repeat,
        _move,
        _change_number,
        _cut,
        _change_line,
    )


def _span(made: bytearray, rng: Random) -> tuple[int, int]:
    """Chooses a part: short ones more often."""
    start = rng.randrange(len(made) + 1)
    return start, start + rng.randrange(1, rng.choice((2, 9, 65, 1025)))

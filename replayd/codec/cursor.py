"""A cursor: opaque, url-safe text for 'after this event of this log'."""

import base64
import binascii
import struct
from typing import NamedTuple

from replayd.errors import ReplaydError
from replayd.reasons import Reason

_PREFIX = b"c1"
_NUMBERS = struct.Struct(">IQ")


class Cursor(NamedTuple):
    """A place in a log: after `sequence` (0: before the first event)."""

    store_id: str
    epoch: int
    sequence: int


def encode_cursor(cursor: Cursor) -> str:
    """Writes a cursor as text."""
    numbers = _NUMBERS.pack(cursor.epoch, cursor.sequence)
    packed = _PREFIX + numbers + cursor.store_id.encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(text: str) -> Cursor:
    """Reads a cursor; raises ReplaydError CURSOR_INVALID for any other text."""
    invalid = ReplaydError(
        Reason.CURSOR_INVALID,
        f"{text[:80]!r} is not a cursor; pass one that a response carried, unchanged",
    )
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if not packed.startswith(_PREFIX) or len(packed) < len(_PREFIX) + _NUMBERS.size:
            raise invalid
        epoch, sequence = _NUMBERS.unpack_from(packed, len(_PREFIX))
        store_id = packed[len(_PREFIX) + _NUMBERS.size :].decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise invalid from error
    if sequence >= 1 << 63:
        raise invalid
    return Cursor(store_id, epoch, sequence)

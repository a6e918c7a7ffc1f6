"""Checksums of rows: SQLite has none, and would hand out a payload with a flipped bit.

What is checked may be of any type, since damage changes types as well.
"""

import zlib
from functools import lru_cache

from replayd.errors import JournalError


def checksum(*values: object) -> int:
    """CRC-32 of values: of small ones as they are printed, of payloads with their length."""
    plain: list[object] = []
    payloads: list[bytes] = []
    for each in values:
        if type(each) is bytes:
            payloads.append(each)
        else:
            plain.append(each)
    value = zlib.crc32(repr(plain).encode())
    for payload in payloads:
        value = zlib.crc32(payload, value ^ len(payload))
    return value


def event_checksum(kind: int, batch_id: str, body: bytes) -> int:
    """Returns the checksum of an event's columns, as `checksum` has it; few kinds and batches
    have many events.
    """
    return zlib.crc32(body, _event_head(kind, batch_id) ^ len(body))


_event_head = lru_cache(maxsize=1024)(checksum)


def damaged(path: object, what: str) -> JournalError:
    """Says what is damaged."""
    return JournalError(
        f"{what} in {path} is damaged: its checksum is wrong; restore the data folder from a backup"
    )

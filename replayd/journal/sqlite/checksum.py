"""Checksums of rows: SQLite has none, and would hand out a payload with a flipped bit.

What is checked may be of any type, since damage changes types as well.
"""

import zlib

from replayd.errors import JournalError


def checksum(*parts: object) -> int:
    """CRC-32 of parts and their lengths; not of bytes: of how they are printed."""
    value = 0
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        value = zlib.crc32(data, value ^ len(data))
    return value


def damaged(path: object, what: str) -> JournalError:
    """Says what is damaged."""
    return JournalError(
        f"{what} in {path} is damaged: its checksum is wrong; restore the data folder from a backup"
    )

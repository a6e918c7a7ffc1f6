"""CRC-32, as zlib has it (RFC 1952 section 8), of what may be large. Pure."""

import zlib

_LARGE = 8 * 1024
"""From here on zlib takes longer than it takes to look for what is faster."""


def crc32(data: bytes | memoryview, value: int = 0) -> int:
    """Returns the checksum of data that follow what has the checksum `value`."""
    if len(data) < _LARGE:
        return zlib.crc32(data, value)
    # The processor's own instructions: a MiB in 20 µs where zlib takes 260. Half a MiB of memory
    # that a daemon without large contents saves.
    from zlib_ng.zlib_ng import crc32 as fast_crc32  # noqa: PLC0415

    return fast_crc32(data, value)

"""Checksums of what may be large: zlib's, however they are computed."""

import os
import zlib

import pytest

from replayd.journal.crc import crc32


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 300_001])
def test_it_is_zlibs(size: int) -> None:
    data = os.urandom(size)
    begun = zlib.crc32(b"before")
    assert (crc32(data), crc32(memoryview(data), begun)) == (
        zlib.crc32(data),
        zlib.crc32(data, begun),
    )

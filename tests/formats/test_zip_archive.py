"""Zip archives: as Python's zipfile reads them, in every way of writing one, and damaged."""

import io
import random
import struct
import zipfile

import pytest

from replayd.formats.zip_archive import ZipArchive, ZipError
from tests.support.raw_captures import archive

FILES = {"a.txt": b"a" * 5000, "b/b.bin": random.Random(1).randbytes(3000), "empty": b""}


def read(data: bytes, limit: int = 1 << 20) -> dict[str, bytes]:
    opened = ZipArchive(io.BytesIO(data), len(data))
    return {entry.name: opened.read(entry, limit) for entry in opened.entries()}


def error_of(data: bytes, limit: int = 1 << 20) -> str:
    with pytest.raises(ZipError) as caught:
        read(data, limit)
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_are_found_and_unpacked(method: int) -> None:
    data = archive(FILES, method)
    assert read(data) == FILES
    assert read(b"what unpacks itself" + data) == FILES
    opened = ZipArchive(io.BytesIO(data), len(data))
    again = {entry.name: opened.entry(entry.place) for entry in opened.entries()}
    assert {name: opened.read(entry, 5000) for name, entry in again.items()} == FILES


def test_a_comment_follows_the_end() -> None:
    made = io.BytesIO(archive(FILES))
    with zipfile.ZipFile(made, "a") as out:
        out.comment = b"PK" * 1000
    assert read(made.getvalue()) == FILES


def test_values_of_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    data = archive(FILES)
    assert b"PK\x06\x06" in data
    # As some tools write it: everything stands in the 64-bit end.
    end = data.rindex(b"PK\x05\x06")
    data = data[: end + 8] + b"\xff" * 12 + data[end + 20 :]
    assert data[end + 12 : end + 20] == b"\xff" * 8
    assert read(data) == FILES
    monkeypatch.undo()
    with zipfile.ZipFile(io.BytesIO(data)) as witness:
        assert {name: witness.read(name) for name in witness.namelist()} == FILES


def test_what_an_archive_says_is_checked() -> None:
    data = archive(FILES)
    end, entry = data.rindex(b"PK\x05\x06"), data.index(b"PK\x01\x02")

    def changed(at: int, value: bytes) -> bytes:
        return data[:at] + value + data[at + len(value) :]

    assert error_of(b"") == "it has no end"
    assert error_of(data[:-30]) == "it has no end"
    far = struct.pack("<I", len(data))
    assert error_of(changed(end + 12, far)) == "its directory is larger than what is there"
    assert error_of(changed(entry, b"XX")) == "an entry does not begin as one"
    assert error_of(changed(entry + 28, b"\xff\xff")) == "an entry is cut off"
    assert "it speaks of a place behind its end" in error_of(changed(entry + 42, far))
    assert "it does not begin as a file" in error_of(changed(0, b"XX"))
    assert "a.txt is damaged (Bad CRC-32)" in error_of(changed(entry + 16, b"XX"))
    assert "it ends before it is whole" in error_of(changed(entry + 20, b"\x03"))
    assert "a.txt is damaged (" in error_of(changed(entry + 20, b"\xff\xff\xff\x00"))


def test_a_file_is_not_unpacked_beyond_its_limit() -> None:
    assert error_of(archive(FILES), limit=4999) == "a.txt is larger than 4999 bytes"
    assert error_of(archive(FILES, zipfile.ZIP_STORED), limit=10) == "a.txt is larger than 10 bytes"
    assert read(archive(FILES), limit=5000) == FILES


def test_a_place_that_no_file_has_is_behind_the_end() -> None:
    data = archive(FILES, zipfile.ZIP_STORED)
    end, entry = data.rindex(b"PK\x05\x06"), data.index(b"PK\x01\x02")
    extra = struct.pack("<HHQ", 1, 8, (1 << 64) - 1)
    name = data[entry + 46 : entry + 46 + len("a.txt")]
    fixed = data[entry : entry + 30] + struct.pack("<H", len(extra)) + data[entry + 32 : entry + 42]
    directory = fixed + b"\xff" * 4 + name + extra
    size = struct.pack("<I", len(directory))
    hostile = data[:entry] + directory + data[end : end + 12] + size + data[end + 16 :]
    assert error_of(hostile) == "a.txt is damaged (it speaks of a place behind its end)"

"""Bodies: in memory first, then in a file, in pieces with checksums."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from replayd.errors import JournalError
from replayd.journal.body import (
    IN_ROW,
    PIECE,
    NotDurableError,
    SpoolBody,
    SpoolFile,
    pieces_of,
    remove,
)
from replayd.journal.spool import Spool


def written(folder: Path | None, *parts: bytes) -> SpoolBody:
    body = SpoolBody(Spool(folder) if folder else None)
    for part in parts:
        body.write(part)
    return body


@pytest.mark.parametrize("size", [0, 1, IN_ROW])
def test_a_small_body_stays_in_memory(tmp_path: Path, size: int) -> None:
    body = written(tmp_path, b"x" * size)
    assert list(tmp_path.iterdir()) == []
    assert (body.size, body.seal()) == (size, b"x" * size)


@pytest.mark.parametrize("size", [IN_ROW + 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 1])
@pytest.mark.parametrize("step", [1000, PIECE // 3, 5 * PIECE])
def test_a_large_body_goes_on_in_a_file(tmp_path: Path, size: int, step: int) -> None:
    content = os.urandom(size)
    body = written(tmp_path, *(content[at : at + step] for at in range(0, size, step)))
    sealed = body.seal()
    assert isinstance(sealed, SpoolFile)
    sealed.check()
    assert (sealed.settled, body.held) == (True, 0)
    assert (sealed.size, body.size) == (size, size)
    assert stat.S_IMODE(sealed.path.stat().st_mode) == 0o600
    assert b"".join(pieces_of(sealed)) == content
    assert body.prefix(10) == content[:10]
    body.discard()
    assert sealed.path.exists()
    sealed.remove()
    sealed.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rest", [0, 10, PIECE])
def test_a_body_may_go_to_its_file_early(tmp_path: Path, rest: int) -> None:
    body = written(tmp_path, b"x" * 1000)
    body.spill()
    body.spill()
    assert (body.held, body.size, len(list(tmp_path.iterdir()))) == (0, 1000, 1)
    assert body.prefix(10) == b"x" * 10
    body.write(b"y" * rest)
    sealed = body.seal()
    assert b"".join(pieces_of(sealed)) == b"x" * 1000 + b"y" * rest
    # A small one goes into its row all the same.
    assert isinstance(sealed, bytes) == (1000 + rest <= IN_ROW)
    assert len(list(tmp_path.iterdir())) == (rest == PIECE)


def test_without_a_folder_it_spills_nothing() -> None:
    body = written(None, b"x" * 1000)
    body.spill()
    assert body.held == 1000


def test_without_a_folder_it_stays_in_memory() -> None:
    content = os.urandom(5 << 20)
    assert written(None, content[:99], content[99:]).seal() == content


def test_a_system_that_takes_less_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev

    def writev(descriptor: int, buffers: Sequence[memoryview]) -> int:
        return real(
            descriptor, [buffers[0], buffers[1][:7]] if len(buffers) > 1 else [buffers[0][:99_999]]
        )

    monkeypatch.setattr(os, "writev", writev)
    parts = [os.urandom(PIECE // 2), os.urandom(PIECE), os.urandom(5)]
    sealed = written(tmp_path, *parts).seal()
    assert isinstance(sealed, SpoolFile)
    assert sealed.path.read_bytes() == b"".join(parts)


def test_small_writes_are_put_together() -> None:
    """A server that sends a byte at a time must not cost an object for each."""
    body = written(None, *[b"ab"] * 3000, bytes(5000), b"c", b"d")
    assert [len(held) for held in body._held] == [2, 5998, 5000, 2]
    assert body.prefix(3) == b"aba"
    assert body.seal() == b"ab" * 3000 + bytes(5000) + b"cd"


def test_the_prefix_is_at_most_64_kib() -> None:
    body = written(None, b"ab" * 40_000)
    assert body.prefix(3) == b"aba"
    assert len(body.prefix(1 << 20)) == 64 * 1024


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    body = written(tmp_path, bytes(PIECE + 1))
    assert len(list(tmp_path.iterdir())) == 1
    body.discard()
    body.discard()
    assert list(tmp_path.iterdir()) == []


def test_damage_is_told(tmp_path: Path) -> None:
    sealed = written(tmp_path, os.urandom(2 * PIECE)).seal()
    assert isinstance(sealed, SpoolFile)
    data = bytearray(sealed.path.read_bytes())
    data[PIECE + 5] ^= 1
    sealed.path.write_bytes(data)
    pieces = sealed.pieces()
    assert len(next(pieces)) == PIECE
    with pytest.raises(JournalError, match=f"damaged at byte {PIECE}"):
        next(pieces)
    sealed.remove()
    with pytest.raises(JournalError, match="can't be read"):
        next(sealed.pieces())


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="make room"):
        written(tmp_path / "missing", bytes(PIECE + 1))


def test_a_failed_sync_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fdatasync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    sealed = written(tmp_path, bytes(PIECE + 1)).seal()
    assert isinstance(sealed, SpoolFile)
    with pytest.raises(NotDurableError, match="synced to the disk: Input/output error"):
        sealed.check()


def test_what_can_t_be_removed_is_left_to_the_next_opening(tmp_path: Path) -> None:
    remove(tmp_path)
    remove(tmp_path / "missing")
    assert tmp_path.exists()

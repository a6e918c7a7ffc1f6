"""A log that lost commits is told from one whose last commit was half written."""

import struct
from pathlib import Path

import pytest

from replayd.journal.sqlite.log_end import log_was_cut
from replayd.journal.sqlite.pages import FRAME_HEADER, Frame, log_frames, log_sums
from replayd.journal.sqlite.schema import open_database


@pytest.fixture
def log(lived_in: Path) -> Path:
    """The log of a journal that was killed."""
    return lived_in / "journal.db-wal"


def cut(log: Path) -> bool:
    connection = open_database(log.with_name("journal.db"))
    try:
        return log_was_cut(connection, log)
    finally:
        connection.close()


def flip(log: Path, frame: Frame, at: int = 100) -> None:
    data = bytearray(log.read_bytes())
    data[frame.offset + at] ^= 4
    log.write_bytes(data)


def commits(log: Path) -> list[Frame]:
    return [frame for frame in log_frames(log, 8192) if frame.pages_after]


def test_a_whole_log(log: Path) -> None:
    assert not cut(log)


@pytest.mark.parametrize("commit", [0, 3, -2])
def test_a_frame_before_the_last_commit(log: Path, commit: int) -> None:
    flip(log, commits(log)[commit])
    assert cut(log)


def test_a_frame_of_the_last_commit(log: Path) -> None:
    *_, before, last = commits(log)
    assert last.number - before.number > 1
    frames = list(log_frames(log, 8192))
    flip(log, frames[last.number - 1])
    assert cut(log)


def test_the_last_frame_of_all_may_be_half_written(log: Path) -> None:
    flip(log, commits(log)[-1])
    assert not cut(log)


def test_a_log_that_was_just_begun_anew(log: Path) -> None:
    connection = open_database(log.with_name("journal.db"))
    connection.wal_checkpoint()
    connection.close()
    data = log.read_bytes()
    magic, version, size, number, salt = struct.unpack_from(">5I", data)
    header = struct.pack(">6I", magic, version, size, number + 1, salt + 1, 12345)
    sums = log_sums(header, ">" if magic & 1 else "<", (0, 0))
    log.write_bytes(header + struct.pack(">2I", *sums) + data[32:])
    assert not cut(log)


def test_a_commit_that_was_not_completed_is_none(log: Path) -> None:
    last = commits(log)[-1]
    log.write_bytes(log.read_bytes()[: last.offset - FRAME_HEADER])
    assert not cut(log)

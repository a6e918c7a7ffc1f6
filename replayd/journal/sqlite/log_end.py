"""Whether SQLite's log ends where it was left.

SQLite reads it up to the first frame that is not as it was written, and drops the rest: so a
flipped bit takes back all commits behind it as if they had never been. After a kill, without
a power cut, what was written is all there: a commit behind the end that SQLite found was whole
once. Only the last frame of the last commit may be half written.
"""

import os
import struct
from pathlib import Path

import apsw

from replayd.journal.sqlite.pages import FRAME_HEADER, LOG_HEADER, Frame, log_frames, log_sums

_BIG_ENDIAN = 0x377F0683


def log_was_cut(connection: apsw.Connection, log: Path) -> bool:
    """Tells whether commits were dropped that had been made since the system's start. Call it
    before anything is written.
    """
    page_size = int(connection.pragma("page_size"))
    end, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    dropped = [frame for frame in log_frames(log, page_size) if frame.number >= end]
    commits = [number for number, frame in enumerate(dropped) if frame.pages_after]
    if not commits:
        return False
    if commits[0] < len(dropped) - 1:
        return True
    return not _whole(log, end, dropped[: commits[0]], page_size)


def _whole(log: Path, first: int, frames: list[Frame], page_size: int) -> bool:
    """Tells whether frames are as they were written, one after the other."""
    with log.open("rb", buffering=0) as file:
        header = os.pread(file.fileno(), LOG_HEADER.size, 0)
        order = ">" if header[:4] == _BIG_ENDIAN.to_bytes(4, "big") else "<"
        step = FRAME_HEADER + page_size
        before = LOG_HEADER.size + (first - 1) * step + 16 if first else 24
        state = struct.unpack(">II", os.pread(file.fileno(), 8, before))
        for number, frame in enumerate(frames, first):
            data = os.pread(file.fileno(), step, frame.offset - FRAME_HEADER)
            state = log_sums(data[:8] + data[FRAME_HEADER:], order, state)
            if frame.number != number or state != struct.unpack_from(">II", data, 16):
                return False
    return True

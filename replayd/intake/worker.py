"""The decoder process: reads messages from stdin, writes rows to stdout.

    python -m replayd.intake.worker SETTINGS-AS-JSON

Serves one Enqueue after another until stdin ends. Its memory is bounded (RLIMIT_AS), and
its time by the processor seconds that it may use without taking in another MiB or giving
another group of rows (an archive is taken in as a whole before its first row); it runs at
a lower priority than the daemon. After an error it ends: a new Enqueue gets a new one.
"""

import fcntl
import io
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from select import select
from typing import BinaryIO

from google.protobuf.message import EncodeError

from replayd.codec.row import encode_row
from replayd.errors import ReplaydError
from replayd.intake.decode import DecodeSettings, Decoding
from replayd.intake.frames import Frame, encode_error, encode_summary
from replayd.model.replay import Row
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.printable import said_of
from replayd.redaction.redactor import Redactor
from replayd.workers.confined import confine, grant_time
from replayd.workers.frames import frame, read_frame

GROUP_ROWS = 256
GROUP_BYTES = 1 << 20
"""A group of rows goes out at this many rows or bytes: one commit stores it."""

PIPE_BYTES = 1 << 20
"""What each pipe to the daemon holds: as much as Linux gives without privileges (pipe(7))."""

CPU_SECONDS = 60
"""Processor time a worker may use without taking in another MiB, or giving another group."""

STREAM_SECONDS = 0.005
"""How long rows of an Enqueue that streams wait for others to go out with."""

NICENESS = 10


def main() -> int:
    """Serves until stdin ends; returns the exit code."""
    settings = json.loads(sys.argv[1])
    confine(settings["memory_limit"], NICENESS)
    _widen(0, 1)
    # Its buffer holds nothing back that `select` would not know of.
    source, sink = io.BufferedReader(io.FileIO(0), 1), sys.stdout.buffer
    try:
        _, key = read_frame(source)
    except EOFError:
        return 0
    decode_settings = DecodeSettings(
        targets=TargetRules(**settings["targets"]),
        body_size_limit=settings["body_size_limit"],
        redactor=Redactor(key, settings["redact_headers"], settings["redact_parameters"]),
        redaction_key=key,
    )
    try:
        while source.peek(1):
            if not _serve(source, sink, decode_settings):
                return 1
    except BrokenPipeError:
        # The daemon is gone: nobody is left to tell, nor to flush anything to.
        os._exit(1)
    return 0


def _widen(*descriptors: int) -> None:
    """Lets pipes hold a whole message or group, so that neither side waits in its middle."""
    for descriptor in descriptors:
        # Where the system allows no more than it gave, or it is no pipe, it is only slower.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _serve(source: BinaryIO, sink: BinaryIO, settings: DecodeSettings) -> bool:
    """Serves one Enqueue; False when it failed."""
    groups = _Groups(sink)

    def before_waiting() -> None:
        if decoding.streams and groups and not select([source], [], [], STREAM_SECONDS)[0]:
            groups.flush()

    messages = _messages(source, before_waiting)
    decoding = Decoding(messages, settings, groups.add)
    try:
        summary = decoding.run()
    except ReplaydError as error:
        if decoding.streams:
            groups.flush()
        sink.write(frame(Frame.ERROR, encode_error(error)))
    except (MemoryError, RecursionError, EncodeError) as error:
        # protobuf says EncodeError when it gets no memory.
        limit = ReplaydError(
            Reason.DECODER_LIMIT,
            f"decoding took more memory than a decoder may use ({type(error).__name__}); "
            "split the capture, or leave out its largest contents",
        )
        sink.write(frame(Frame.ERROR, encode_error(limit)))
    except BrokenPipeError:
        raise
    except OSError as error:
        full = ReplaydError(
            Reason.DECODER_LIMIT,
            f"the capture can't be spooled to the daemon's temporary folder ({error}); make "
            "room there, or set TMPDIR to another folder",
        )
        sink.write(frame(Frame.ERROR, encode_error(full)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the daemon is told
        print(said_of(error), file=sys.stderr)  # noqa: T201 - the daemon's log is there
        failure = ReplaydError(
            Reason.INTERNAL,
            f"the decoder failed ({type(error).__name__}); the daemon's log has more",
        )
        sink.write(frame(Frame.ERROR, encode_error(failure)))
    else:
        groups.flush()
        summary.resident_memory = _resident_memory()
        sink.write(frame(Frame.SUMMARY, encode_summary(summary)))
        sink.flush()
        return True
    sink.flush()
    return False


def _messages(source: BinaryIO, before_waiting: Callable[[], None]) -> Iterator[bytes]:
    """Yields the messages up to END; grants processor time for each MiB taken in."""
    grant_time(CPU_SECONDS)
    granted = taken = 0
    while True:
        before_waiting()
        try:
            kind, message = read_frame(source)
        except EOFError:
            # The daemon is gone, or gave this Enqueue up.
            raise SystemExit(0) from None
        if kind == Frame.END:
            return
        taken += len(message)
        if taken >> 20 != granted:
            granted = taken >> 20
            grant_time(CPU_SECONDS)
        yield message


def _resident_memory() -> int:
    # Not ru_maxrss: that of a new process begins with its parent's (proc(5) for statm).
    with io.FileIO("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * resource.getpagesize()


class _Groups:
    """Collects rows and writes them in groups."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._rows: list[bytes] = []
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, row: Row) -> None:
        encoded = encode_row(row)
        self._rows.append(encoded)
        self._size += len(encoded)
        if len(self._rows) >= GROUP_ROWS or self._size >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._sink.write(frame(Frame.ROWS, b"".join(self._rows)))
            self._sink.flush()
            self._rows, self._size = [], 0
            grant_time(CPU_SECONDS)


if __name__ == "__main__":
    sys.exit(main())

"""A GoReplay file to flows, in memory bounded by a record and the window."""

from collections.abc import Iterator

from replayd.errors import CaptureError
from replayd.formats.goreplay.records import RecordError, Records
from replayd.formats.goreplay.window import MAX_WAITING, MAX_WAITING_BYTES, Window
from replayd.formats.tnetstring import Source
from replayd.model.flow import CaptureNote, Flow


def read_goreplay(stream: Source) -> Iterator[Flow | CaptureNote]:
    """Reads the flows of a GoReplay file, in the order of its requests; notes before them.

    Raises CaptureError.
    """
    window, records = Window(), Records(stream)
    try:
        for record in records:
            window.add(record)
            yield from window.leaving(MAX_WAITING, MAX_WAITING_BYTES)
    except RecordError as error:
        raise CaptureError(
            f"this is not a whole GoReplay file: {error.message}",
            byte_offset=error.byte_offset,
            flow_index=window.index,
        ) from error
    if records.torn_line:
        window.note("the file ends inside the first line of a record, which was left out")
    yield from window.leaving(0, 0)

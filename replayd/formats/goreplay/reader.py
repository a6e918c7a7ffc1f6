"""A GoReplay file to flows, in memory bounded by a record and the window."""

from collections.abc import Iterator

from replayd.formats.goreplay.records import Record, RecordError, Records
from replayd.formats.goreplay.window import Window
from replayd.formats.streams import Source
from replayd.model.flow import DamagedFlow, Found


def read_goreplay(stream: Source) -> Iterator[Found]:
    """Reads the flows of a GoReplay file, in the order of its requests; notes before them.

    Goes on after what is no record with the next one.
    """
    window, records = Window(), Records(stream)
    for record in _each(records):
        if isinstance(record, DamagedFlow):
            yield from window.add_damaged(record)
        else:
            yield from window.add(record)
    if records.torn_line:
        window.note("the file ends inside the first line of a record, which was left out")
    yield from window.rest()


def _each(records: Records) -> Iterator[Record | DamagedFlow]:
    more = True
    while more:
        try:
            yield from records
            return
        except RecordError as error:
            message = f"this is not a whole GoReplay file: {error.message}"
            yield DamagedFlow(message, error.byte_offset)
        more = records.resume()

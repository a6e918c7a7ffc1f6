"""A HAR file to flows: one entry in memory at a time.

Knows the way to the entries (`log.entries`) and what of the JSON is refused; `entry`
knows the entries.
"""

import json
from collections.abc import Iterator
from typing import Any

from replayd.formats.fields import FieldError
from replayd.formats.har.entry import FILE_SESSION, EntryReader
from replayd.formats.json_elements import Element, Elements, JsonError
from replayd.formats.streams import Source
from replayd.formats.tnetstring import MAX_RECORD_SIZE
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found

_PATH = ("log", "entries")


def read_har(stream: Source) -> Iterator[Found]:
    """Reads the flows of a HAR, in its order; notes before their flow.

    Each entry is a flow, so that their indexes are the same. Goes on after an entry that is
    no JSON inside, not after one whose end can't be told.
    """
    index = 0
    try:
        for element in Elements(stream, _PATH, MAX_RECORD_SIZE):
            yield from _entry(element, index)
            index += 1
    except JsonError as error:
        yield _damaged(error)


def _entry(element: Element, index: int) -> Iterator[Found]:
    try:
        notes, flow = _read(element)
    except JsonError as error:
        yield _damaged(error)
        return
    for note in notes:
        yield CaptureNote(index, note)
    yield flow


def _damaged(error: JsonError) -> DamagedFlow:
    return DamagedFlow(f"this is not a whole HAR file: {error.message}", error.byte_offset)


def _read(element: Element) -> tuple[list[str], Flow]:
    try:
        entry = _parse(element)
    except FieldError as error:
        return [f"the entry can't be read: {error}"], Flow(session_id=FILE_SESSION)
    reader = EntryReader(entry)
    flow = reader.flow()
    return reader.notes, flow


def _parse(element: Element) -> Any:
    """Parses an entry. Raises JsonError, and FieldError for JSON that can't be taken."""
    # Bytes that are no UTF-8 become what Python's surrogate escapes stand for.
    text = element.data.decode("utf-8", "surrogateescape")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        before = text[: error.pos].encode("utf-8", "surrogateescape")
        raise JsonError(error.msg, element.offset + len(before)) from None
    except ValueError:
        # Python's guard: reading takes time with the square of an integer's digits.
        raise FieldError("an integer in it has thousands of digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = iter(found)
        twice = next(name for name, _ in pairs if name != next(names, None))
        raise FieldError(f"an object has {twice!r:.60} twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)

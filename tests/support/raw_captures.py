"""Captures that hold messages as they were on the wire, and their witnesses."""

import hashlib
import io
import json
import zipfile
from typing import Any

from hypothesis import strategies as st

from replayd.errors import ReplaydError
from replayd.formats import Format, read_capture
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Headers, Request, Response
from replayd.reasons import Reason
from tests.support.captures import FOLDER, Dribble


def witness(folder: str, name: str) -> list[dict[str, Any]]:
    """What another parser saw in a real capture, flow by flow (see its README)."""
    loaded: dict[str, Any] = json.loads((FOLDER / folder / f"{name}.json").read_text())
    flows: list[dict[str, Any]] = loaded["flows"]
    return flows


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as out:
        for name, data in files.items():
            out.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


def read(data: bytes, named: Format, *, salvage: bool = False) -> list[Flow | DamagedFlow]:
    """The flows of a capture, without notes."""
    found = read_capture(io.BytesIO(data), format=named, salvage=salvage)
    return [each for each in found if not isinstance(each, CaptureNote)]


def read_one(data: bytes, named: Format) -> tuple[Flow, list[str]]:
    """The only flow of a capture, and the notes about it."""
    *notes, flow = read_capture(io.BytesIO(data), format=named)
    assert isinstance(flow, Flow)
    assert all(isinstance(note, CaptureNote) and note.flow_index == 0 for note in notes)
    return flow, [note.message for note in notes if isinstance(note, CaptureNote)]


def compare(found: Request | Response, seen: dict[str, Any]) -> None:
    """Compares what requests and responses share."""
    assert found.headers == latin(seen["headers"])
    assert found.content is not None
    assert [len(found.content), hashlib.sha256(found.content).hexdigest()] == seen["body"]


def latin(fields: list[list[str]]) -> Headers:
    """Fields of a witness as bytes."""
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields)


def damaged(whole: bytes, *marks: bytes) -> st.SearchStrategy[bytes]:
    """Copies of a capture that are damaged in a few places, with bytes or these marks."""
    change = st.tuples(
        st.integers(0, len(whole) - 1),
        st.integers(0, 30),
        st.binary(max_size=3) | st.sampled_from(marks),
    )
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _changed(whole, changes))


def _changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for position, removed, added in changes:
        data = data[:position] + added + data[position + removed :]
    return data


def check_damage(data: bytes, named: Format) -> None:
    """Reads a capture that may be damaged: it is refused as such, or read, and salvaged."""
    reason = None
    flows: list[object] = []
    try:
        flows = list(read_capture(Dribble(data, 1000), format=named))
    except ReplaydError as error:
        reason = error.reason
    if reason is Reason.UNKNOWN_FORMAT:
        return
    salvaged = list(read_capture(Dribble(data, 1000), format=named, salvage=True))
    if any(isinstance(each, DamagedFlow) for each in salvaged):
        assert reason is Reason.DAMAGED_CAPTURE
    else:
        assert (reason, flows) == (None, salvaged)

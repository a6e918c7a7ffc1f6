"""The captures under tests/data/captures, and what their witness says (see its README)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from replayd.formats import read_capture
from replayd.formats.streams import Source
from replayd.model.flow import CaptureNote, Flow
from tests.support.improvements import improved

FOLDER = Path(__file__).parents[1] / "data" / "captures"


@dataclass(frozen=True)
class Capture:
    """One dump and its witness."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def witness(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.path.with_suffix(".json").read_text())
        return loaded

    @property
    def readable(self) -> bool:
        """Whether mitmproxy read it to its end, mended if need be."""
        return self.witness["error"] is None or "mended" in self.witness

    @cached_property
    def flows(self) -> list[dict[str, Any]]:
        """The witness's flows, as replayd has to read them."""
        return [improved(self.name, i, seen) for i, seen in enumerate(self.witness["flows"])]


CAPTURES = {path.stem: Capture(path) for path in sorted(FOLDER.glob("*.mitm"))}

READABLE = {name: capture for name, capture in CAPTURES.items() if capture.readable}


class Dribble:
    """A stream that gives at most so many bytes a read, as pipes and sockets may."""

    def __init__(self, data: bytes, step: int = 1) -> None:
        self._data = memoryview(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        size = min(size, self._step)
        piece, self._data = self._data[:size], self._data[size:]
        return bytes(piece)


def flows_of(stream: Source) -> list[Flow]:
    """The flows of a capture, without the notes."""
    return [found for found in read_capture(stream, format=None) if isinstance(found, Flow)]


def notes_of(stream: Source) -> Iterator[CaptureNote]:
    """The notes of a capture, without the flows."""
    for found in read_capture(stream, format=None):
        if isinstance(found, CaptureNote):
            yield found

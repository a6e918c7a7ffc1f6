"""How many bytecodes and calls the replay thread needs for a flow: figures that neither other
work on the machine nor its clock changes. Beside CPU time they tell whether there is less to do.

Every bytecode is traced, so that the thread takes some hundred times as long meanwhile.
"""

import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, TypeAlias

from benchmarks.inside import THREAD

PARTS = (
    ("`replayd/replay`: the replay's life", "/replayd/replay/"),
    ("`replayd/wire`: connection, request, response", "/replayd/wire/"),
    ("`replayd/codec`: plan and events", "/replayd/codec/"),
    ("`replayd/redaction`: secrets in the answer", "/replayd/redaction/"),
    ("`replayd/journal/sqlite`: rows and commits", "/replayd/journal/sqlite/"),
    ("`replayd/journal`: queue, order, counts", "/replayd/journal/"),
)
"""What a part is called, and which files are of it; the first that fits counts."""

_OTHERS = "others: named tuples, selectors, the queue"

_Trace: TypeAlias = Any
"""`sys.settrace`'s function, which returns the like."""


class Counts:
    """What ran, by code."""

    def __init__(self) -> None:
        self.bytecodes: defaultdict[CodeType, int] = defaultdict(int)
        self.calls: defaultdict[CodeType, int] = defaultdict(int)

    def trace(self, frame: FrameType, _event: str, _argument: object) -> _Trace:
        """Counts a call, and has its bytecodes counted."""
        self.calls[frame.f_code] += 1
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._trace_in

    def _trace_in(self, frame: FrameType, event: str, _argument: object) -> _Trace:
        if event == "opcode":
            self.bytecodes[frame.f_code] += 1
        return self._trace_in

    def by_part(self) -> dict[str, tuple[int, int]]:
        """Returns bytecodes and calls of each part, and of all."""
        found = {name: (0, 0) for name, _ in PARTS} | {_OTHERS: (0, 0), "all": (0, 0)}
        for code, calls in self.calls.items():
            parts = (name for name, folder in PARTS if folder in code.co_filename)
            for name in (next(parts, _OTHERS), "all"):
                before = found[name]
                found[name] = before[0] + self.bytecodes[code], before[1] + calls
        return found

    def table(self, count: int) -> Iterator[str]:
        """Says what each of so many flows needed."""
        yield from ("| part | bytecodes | calls |", "| --- | ---: | ---: |")
        for name, (bytecodes, calls) in self.by_part().items():
            yield f"| {name} | {bytecodes / count:,.0f} | {calls / count:.1f} |"


@contextmanager
def counting() -> Iterator[Counts]:
    """Counts what replay threads do that are started inside."""
    counts = Counts()

    def begin(frame: FrameType, event: str, argument: object) -> _Trace:
        if threading.current_thread().name != THREAD:
            sys.settrace(None)
            return None
        traced = counts.trace(frame, event, argument)
        # After that: Python 3.12 traces bytecodes only where somebody has asked for them by then.
        sys.settrace(counts.trace)
        return traced

    threading.settrace(begin)
    try:
        yield counts
    finally:
        threading.settrace(None)

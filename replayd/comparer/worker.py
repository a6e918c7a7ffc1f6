"""The comparing process: reads comparisons, and answers to be looked through for live values, from
stdin, and writes what they came to to stdout.

    python -m replayd.comparer.worker SETTINGS-AS-JSON

Its memory is bounded (RLIMIT_AS), and the processor time that each may take:
users' patterns may take any. It ends with its stdin.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import BinaryIO

from flowreplay.v1 import history_pb2

from replayd.codec.comparison import answer_from, encode_comparison
from replayd.comparer.frames import Frame
from replayd.comparing.compare import Answer, compare
from replayd.comparing.rules import parse_rules
from replayd.model.comparison import Comparison, Verdict
from replayd.redaction.redactor import Redactor
from replayd.workers.confined import confine, grant_time
from replayd.workers.frames import frame, read_frame

NICENESS = 5
"""The replay thread may wait for it: not as low as decoders."""


def main() -> int:
    """Serves until stdin ends; returns the exit code."""
    settings = json.loads(sys.argv[1])
    confine(settings["memory_limit"], NICENESS)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):
        _, key = read_frame(source)
        redactor = Redactor(key, settings["redact_headers"], settings["redact_parameters"])
        while True:
            kind, payload = read_frame(source)
            grant_time(settings["cpu_seconds"])
            if kind == Frame.SOURCES:
                _look(source, sink, json.loads(payload))
            else:
                _compare(source, sink, redactor, payload)
            sink.flush()
    # Nobody is left whom a flush could reach.
    os._exit(0)


def _look(source: BinaryIO, sink: BinaryIO, sources: list[str]) -> None:
    """Looks through one answer."""
    # Imported here: few batches have live values.
    from replayd.live.scope import looked_through  # noqa: PLC0415

    head, content = (read_frame(source)[1] for _ in range(2))
    found = looked_through(sources, answer_from(head).headers, content)
    texts = [[value.decode("latin-1") for value in values] for values in found]
    sink.write(frame(Frame.FOUND, json.dumps(texts).encode()))


def _compare(source: BinaryIO, sink: BinaryIO, redactor: Redactor, rules: bytes) -> None:
    """Makes one comparison."""
    asked = history_pb2.DiffRequest.FromString(rules)
    heads = [answer_from(read_frame(source)[1]) for _ in range(2)]
    contents = [_pieces(source), _pieces(source)]
    recorded, replayed = (
        Answer(head, None if head.content is None else pieces)
        for head, pieces in zip(heads, contents, strict=True)
    )
    comparison = _compared(asked, recorded, replayed, redactor)
    for _ in chain(*contents):
        pass  # Not all of them may have been of use.
    noise = [rule for each in comparison.differences for rule in each.noise]
    sink.write(frame(Frame.SHOWN, encode_comparison(comparison, reveal=False)))
    sink.write(frame(Frame.WHOLE, encode_comparison(comparison, reveal=True)))
    sink.write(frame(Frame.NOISE, json.dumps(noise).encode()))


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while True:
        kind, payload = read_frame(source)
        if kind == Frame.END:
            return
        yield payload


def _compared(
    asked: history_pb2.DiffRequest, recorded: Answer, replayed: Answer, redactor: Redactor
) -> Comparison:
    rules = parse_rules(asked.ignored_differences, volatile=not asked.compare_volatile)
    try:
        return compare(recorded, replayed, rules, redactor, limit=asked.difference_limit)
    except (MemoryError, RecursionError) as error:
        what = type(error).__name__
        return Comparison(Verdict.UNDECIDED, note=f"comparing took too much memory ({what})")


if __name__ == "__main__":
    sys.exit(main())

"""The comparing process: reads comparisons from stdin, writes what they came to to stdout.

    python -m replayd.comparer.worker SETTINGS-AS-JSON

Its memory is bounded (RLIMIT_AS), and the processor time that one comparison may take
(RLIMIT_CPU): users' patterns may take any. It ends with its stdin.
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

CPU_SECONDS = 10
"""Processor time of one comparison."""

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
            _serve(source, sink, redactor)
    # Nobody is left whom a flush could reach.
    os._exit(0)


def _serve(source: BinaryIO, sink: BinaryIO, redactor: Redactor) -> None:
    """Serves one comparison; raises EOFError when there is no other."""
    _, payload = read_frame(source)
    grant_time(CPU_SECONDS)
    asked = history_pb2.DiffRequest.FromString(payload)
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
    sink.flush()


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

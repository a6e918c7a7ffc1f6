"""The filters' process: reads questions from stdin, writes answers to stdout.

    python -m replayd.matching.worker SECONDS

Its memory is bounded (RLIMIT_AS), and the processor SECONDS of each answer: a filter that takes
more ends it. It runs at a lower priority than the daemon, until its stdin ends.
"""

import os
import sys
from contextlib import suppress
from functools import lru_cache
from typing import BinaryIO

from flowreplay.v1 import event_pb2

from replayd.filters import FilterError, Matcher, compile_filter
from replayd.matching.frames import (
    Question,
    Verdict,
    decode_question,
    encode_failure,
    encode_verdicts,
)
from replayd.matching.subjects import Replays
from replayd.matching.terms import needs_request
from replayd.workers.confined import confine, grant_time
from replayd.workers.frames import read_frame

MEMORY_LIMIT = 512 << 20
"""Bytes of address space."""

NICENESS = 10


def main() -> int:
    """Serves until stdin ends; returns the exit code."""
    confine(MEMORY_LIMIT, NICENESS)
    try:
        with suppress(EOFError):
            serve(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
    except BrokenPipeError:
        # The daemon is gone: nobody is left to tell, nor to flush anything to.
        os._exit(1)
    return 0


def serve(source: BinaryIO, sink: BinaryIO, seconds: float) -> None:
    """Answers one question after the other; raises EOFError when there is no whole one."""
    answer = Answers()
    while True:
        _, payload = read_frame(source)
        grant_time(seconds)
        sink.write(answer.to(decode_question(payload)))
        sink.flush()


class Answers:
    """Answers questions; remembers filters and requests."""

    def __init__(self) -> None:
        self._replays = Replays()
        self._compiled = lru_cache(64)(_compiled)

    def to(self, question: Question) -> bytes:
        """Returns the encoded answer."""
        try:
            matches, needs = self._compiled(question.text)
        except FilterError as error:
            return encode_failure(str(error), error.position)
        verdicts = []
        for encoded, request in question.candidates:
            event = event_pb2.Event.FromString(encoded)
            if not event.replay_id:
                verdicts.append(Verdict.NO)
                continue
            subject = self._replays.subject(
                event, request, revealed=question.revealed, needs_request=needs
            )
            if subject is None:
                verdicts.append(Verdict.UNKNOWN)
            else:
                verdicts.append(Verdict.YES if matches(subject) else Verdict.NO)
        return encode_verdicts(verdicts)


def _compiled(text: str) -> tuple[Matcher, bool]:
    matches = compile_filter(text)
    return matches, needs_request(text)


if __name__ == "__main__":
    sys.exit(main())

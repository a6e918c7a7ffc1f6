"""The filters' process: reads questions from stdin, writes answers to stdout.

    python -m replayd.matching.worker SECONDS

Its memory is bounded (RLIMIT_AS), and the processor SECONDS of each answer: a filter that takes
more ends it. It runs at a lower priority than the daemon, until its stdin ends.
"""

import os
import resource
import signal
import sys
from functools import lru_cache
from typing import BinaryIO

from flowreplay.v1 import event_pb2

from replayd.filters import FilterError, Matcher, compile_filter
from replayd.matching.frames import (
    HEADER,
    Question,
    Verdict,
    decode_question,
    encode_failure,
    encode_verdicts,
)
from replayd.matching.subjects import Replays
from replayd.matching.terms import needs_request

MEMORY_LIMIT = 512 << 20
"""Bytes of address space."""

NICENESS = 10


def main() -> int:
    """Serves until stdin ends; returns the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    # The daemon's to handle, also when they are sent to all of its processes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
    except BrokenPipeError:
        # The daemon is gone: nobody is left to tell, nor to flush anything to.
        os._exit(1)
    return 0


def serve(source: BinaryIO, sink: BinaryIO, seconds: int) -> None:
    """Answers until there is no whole question any more."""
    answer = Answers()
    while len(header := source.read(HEADER.size)) == HEADER.size:
        payload = source.read(HEADER.unpack(header)[1])
        _grant_time(seconds)
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
        for encoded, request in question.items:
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


def _grant_time(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    sys.exit(main())

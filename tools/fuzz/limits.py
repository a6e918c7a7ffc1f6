"""What one input may take: processor time and memory.

Processor time, not the clock's: a busy machine makes no findings. The memory is that of
the whole process, so what one input needed shows only where it is more than any before.
"""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 5.0
"""Of processor time. Inputs have 64 KiB at most, which can be thirty thousand requests."""

MEMORY = 192 << 20
"""Bytes by which one input may raise the process's peak: a packed message may be 96 MiB."""


class TooSlowError(BaseException):
    """The input took too long. No Exception, so that nothing in between catches it."""


class TooMuchMemoryError(Exception):
    """The input raised the peak of the process's memory by too much."""


@contextmanager
def limited_time(seconds: float) -> Iterator[None]:
    """Raises TooSlowError inside once so much processor time was used. Main thread only."""
    before = signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError


class Peak:
    """The peak of this process's resident memory."""

    def __init__(self, allowed: int = MEMORY) -> None:
        self._allowed = allowed
        self.bytes = _peak()

    def check(self) -> None:
        """Raises TooMuchMemoryError when it rose by more than is allowed since the last call."""
        before, self.bytes = self.bytes, _peak()
        if self.bytes - before > self._allowed:
            raise TooMuchMemoryError(f"{(self.bytes - before) >> 20} MiB")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def limit_processor_time(seconds: int) -> None:
    """Ends this process once it has used so many more seconds, whatever it does then: where
    no Python runs, as in one search with a pattern, no TooSlowError is raised.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def limit_address_space(size: int) -> None:
    """Lets this process have so many bytes of addresses, as a decoder of the daemon has."""
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))

"""What a worker process does to itself, so that it can take nothing from the daemon."""

import os
import resource
import signal


def confine(memory_limit: int, niceness: int) -> None:
    """Bounds this process's address space (bytes; RLIMIT_AS) and lowers its priority. It lives
    until its stdin ends: signals are the daemon's to handle, also when they are sent to all of
    its processes.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(niceness)


def grant_time(seconds: float) -> None:
    """Lets this process use so much processor time from now on; more ends it (SIGPROF)."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)

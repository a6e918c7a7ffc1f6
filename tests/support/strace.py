"""Has system calls of a running process fail, by strace (https://strace.io)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.processes import Process
from tests.support.programs import NEEDS, find

SYNCS = "fdatasync,fsync"


@contextmanager
def injecting(pid: int, calls: str, what: str) -> Iterator[Process]:
    """Meanwhile these calls of all threads end as `what` says, such as `error=EIO`, and the
    kernel sees none of them. Skips the test where a process may not be traced.
    """
    options = ["-f", "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    strace = Process([find("strace"), *options, "-p", str(pid)])

    def attached() -> bool:
        said = "\n".join(strace.stderr)
        if "Operation not permitted" in said:
            pytest.skip(f"{NEEDS}strace (and the right to trace a process)")
        return "attached" in said

    try:
        strace.wait_for_output(attached, "attached")
        yield strace
    finally:
        strace.close()

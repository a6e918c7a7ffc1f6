"""A process that confines itself; only a real one can."""

import os
import subprocess
import sys

PROGRAM = """
import os, resource, signal
from replayd.workers.confined import confine, grant_time

confine(1 << 30, 3)
grant_time(7)
print(resource.getrlimit(resource.RLIMIT_AS), os.nice(0))
print(*[signal.getsignal(each).name for each in (signal.SIGINT, signal.SIGTERM)])
print(resource.getrlimit(resource.RLIMIT_CPU)[0])
"""


def test_memory_time_priority_and_signals() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    memory, signals, seconds = ran.stdout.decode().splitlines()
    assert memory == f"({1 << 30}, {1 << 30}) {min(os.nice(0) + 3, 19)}"
    assert signals == "SIG_IGN SIG_IGN"
    # Of its own start nearly nothing was used.
    assert 7 <= int(seconds) < 10

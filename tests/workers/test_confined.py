"""A process that confines itself; only a real one can."""

import os
import signal
import subprocess
import sys

PROGRAM = """
import os, resource, signal
from replayd.workers.confined import confine, grant_time

confine(1 << 30, 3)
grant_time(7)
print(resource.getrlimit(resource.RLIMIT_AS), os.nice(0))
print(*[signal.getsignal(each).name for each in (signal.SIGINT, signal.SIGTERM)])
print(signal.getitimer(signal.ITIMER_PROF)[0], flush=True)
grant_time(0.01)
while True: pass
"""


def test_memory_time_priority_and_signals() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGPROF
    memory, signals, seconds = ran.stdout.decode().splitlines()
    assert memory == f"({1 << 30}, {1 << 30}) {min(os.nice(0) + 3, 19)}"
    assert signals == "SIG_IGN SIG_IGN"
    assert 6 < float(seconds) <= 7.1

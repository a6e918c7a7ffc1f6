"""How the end of a worker process is heard, in a process of its own: it holds for all of one."""

import subprocess
import sys

_THREADS = """
import asyncio, sys, threading
from replayd.workers.process import wait_without_threads

async def run():
    ran = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    print([thread.name for thread in threading.enumerate()])
    await ran.communicate(b"\\n")
    print(ran.returncode)

wait_without_threads()
asyncio.run(run())
"""


def test_no_thread_waits_for_a_process() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _THREADS], check=True, capture_output=True, text=True
    )

    assert told.stdout.split("\n") == ["['MainThread']", "0", ""]

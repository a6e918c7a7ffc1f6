"""`make drain`: stops daemons at random moments, and looks whether anything is in doubt.

    python -m tools.drain [--runs N] [--seed N]

Each run starts a daemon on the same data dir, enqueues flows that are answered within 20 ms,
and sends SIGTERM at a moment that follows from the seed: while it starts, while an Enqueue is
under way, while replays run, while it is paused or idle, or twice. Then

- the daemon has to end with exit code 0, within the drain and two seconds;
- its watcher has to have every event, the `STOPPING` update last, and `DAEMON_STOPPING`;
- what was enqueued has to be there at the next start, once, also when the answer was lost;
- nothing may be INTERRUPTED, or have reached the target twice, but by a second signal.

Exits with 1 and says what was wrong, and with which seed.
"""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tools.drain.runs import Drain


def main(given: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="drain", description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="how often a daemon is stopped")
    parser.add_argument("--seed", type=int, help="the same one makes the same plan")
    read = parser.parse_args(given)
    seed = secrets.randbelow(1 << 31) if read.seed is None else read.seed
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    # Not deep down: a Unix socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="drain-") as folder:
        drain = Drain(Path(folder), seed)
        try:
            drain.run(read.runs)
        finally:
            drain.close()
    for name, figure in drain.figures.items():
        print(f"{figure:8} {name}")
    print(f"{drain.daemon.slowest:8.2f} s from the signal to the end, at most")
    print(f"{time.monotonic() - began:8.0f} s in all")
    print(f"{len(drain.wrong)} findings" if drain.wrong else "nothing was wrong")
    return bool(drain.wrong)


if __name__ == "__main__":
    sys.exit(main())

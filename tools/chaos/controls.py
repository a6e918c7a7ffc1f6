"""`make chaos-controls`: puts one bug after the other into the daemon; chaos has to find each.

    python -m tools.chaos.controls [BUG ...]

Prints how each was found. Exits with 1 when one was not, or by nothing that it breaks.
"""

import sys
import tempfile
import time
from pathlib import Path

from tools.chaos.bugs import BUGS
from tools.chaos.rounds import Options, run

SEED = 1
ROUNDS = 30
"""At most; a run ends with the first comparison that finds something."""


def control(name: str) -> tuple[bool, str]:
    """Runs chaos on a daemon with a bug. Returns whether it was found, and a line of the table."""
    began = time.monotonic()
    options = Options(
        seed=SEED,
        rounds=ROUNDS,
        faults=("kill",),
        audit_every=2,
        bug=name,
        habits=BUGS[name].habits,
    )
    # Not deep down: a Unix socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        figures, words = run(Path(folder), options)
    found = ", ".join(f"{kind} {count}" for kind, count in figures.findings.items())
    caught = bool(BUGS[name].kinds & figures.findings.keys())
    told = found or "NOT FOUND"
    if found and not caught:
        told = f"{found}, but not {' or '.join(sorted(BUGS[name].kinds))}"
        told = "\n  ".join((told, *words))
    took = time.monotonic() - began
    return caught, f"{name:48} {figures.rounds:6} {took:7.1f}  {told}"


def main(names: list[str]) -> int:
    """Runs them; returns the exit code."""
    print(f"{'bug':48} {'rounds':>6} {'seconds':>7}  found as")
    caught = 0
    for name in names or BUGS:
        found, line = control(name)
        caught += found
        print(line, flush=True)
    print(f"{caught} of {len(names or BUGS)} found")
    return int(caught < len(names or BUGS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

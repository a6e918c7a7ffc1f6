"""`make chaos`: kills the daemon again and again, and compares the books.

Exits with 1 when they do not balance: what was found is printed, with the command that runs
the same rounds again, and the folder with the books and the journal is left.
"""

import argparse
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.chaos.caller import USUAL, Habits
from tools.chaos.failpoints import ALL
from tools.chaos.figures import Figures
from tools.chaos.plan import FAULTS
from tools.chaos.rounds import Options, run

DEFAULT_ROUNDS = 50


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, help=f"lives of the daemon, by default {DEFAULT_ROUNDS}")
    add("--seed", type=int, help="the same one makes the same plan; else it is drawn")
    add("--faults", nargs="+", choices=FAULTS, default=list(FAULTS), help="what may happen")
    add("--failpoints", action="store_true", help="end at each failpoint in turn, once by default")
    add("--clients", type=int, default=2, help="clients at once")
    add("--flows", type=int, default=USUAL.flows, help="of a call, at most")
    add("--watchers", type=int, default=3, help="watchers at once")
    add("--audit-every", type=int, default=5, help="rounds between two comparisons")
    add("--results", type=Path, help="a file to add the figures to, as a line of JSON")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    read = arguments(given)
    seed = secrets.randbelow(1 << 31) if read.seed is None else read.seed
    options = Options(
        seed=seed,
        rounds=read.rounds or (len(ALL) if read.failpoints else DEFAULT_ROUNDS),
        each_failpoint=read.failpoints,
        faults=tuple(read.faults),
        audit_every=read.audit_every,
        clients=read.clients,
        habits=Habits(read.flows),
        watchers=read.watchers,
    )
    print(f"seed {seed}", flush=True)
    # Not deep down: a Unix socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    figures, words = run(folder, options)
    _conclude(figures, options)
    if read.results:
        with read.results.open("a") as results:
            results.write(figures.as_json() + "\n")
    print(figures.table())
    if not figures.findings:
        shutil.rmtree(folder)
        return 0
    print(*words, sep="\n")
    print(f"again: python -m tools.chaos {figures.options}\nbooks and journal: {folder}")
    return 1


def _conclude(figures: Figures, options: Options) -> None:
    """Adds when it was, what ran and how."""
    figures.date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - the one that is there
        capture_output=True,
        text=True,
        check=False,
    )
    figures.commit = described.stdout.strip()
    given = ["--seed", options.seed, "--rounds", options.rounds, "--faults", *options.faults]
    given += ["--clients", options.clients, "--watchers", options.watchers]
    given += ["--flows", options.habits.flows]
    given += ["--audit-every", options.audit_every]
    given += ["--failpoints"] if options.each_failpoint else []
    figures.options = shlex.join(map(str, given))


if __name__ == "__main__":
    sys.exit(main())

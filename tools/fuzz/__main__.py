"""`make fuzz`: damaged and hostile captures, through all that an Enqueue does with them, and
what hostile servers and proxies send.

    python -m tools.fuzz [--format NAME]... [--count N] [--processes N] [--seed N] [--first N]
    python -m tools.fuzz --engine atheris --format NAME [--count N]
    python -m tools.fuzz --replay FILE --format NAME [--salvage] [--raw] [--sniff] [--piece N]

Prints a line of figures a format. A finding's input is saved, and the command that repeats
it printed; then it ends with 1.
"""

import argparse
import secrets
import subprocess
import sys
from pathlib import Path

from tools.fuzz import report
from tools.fuzz.case import Case, Input
from tools.fuzz.enqueue import Way
from tools.fuzz.finding import Finding, try_case
from tools.fuzz.limits import Peak
from tools.fuzz.reading import READERS, Reading
from tools.fuzz.recipes import RECIPES
from tools.fuzz.series import Result, run_series

DEFAULT_COUNT = 20_000

FORMATS = (*RECIPES, *READERS)
"""What inputs are made of: formats of captures, and what reads servers and proxies."""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Enqueues damaged captures.")
    add = parser.add_argument
    add("--engine", choices=("own", "atheris"), default="own", help="what makes the inputs")
    add("--format", action="append", choices=FORMATS, help="only this one; may be repeated")
    add("--count", type=int, default=DEFAULT_COUNT, help="inputs of each format")
    add("--processes", type=int, default=1, help="processes at once")
    add("--seed", type=int, help="the same one makes the same inputs; else it is drawn")
    add("--first", type=int, default=0, help="the number of the first input")
    add("--findings", type=Path, default=Path(".fuzz"), help="where inputs are saved")
    add("--replay", type=Path, metavar="FILE", help="enqueue this saved input alone")
    add("--salvage", action="store_true", help="of --replay: with salvage")
    add("--raw", action="store_true", help="of --replay: with raw")
    add("--sniff", action="store_true", help="of --replay: the format is not named")
    add("--piece", type=int, default=1 << 20, help="of --replay: bytes of a chunk")
    add("--method", default="GET", help="of --replay: the request that is answered")
    options = parser.parse_args(given)
    guided = options.engine == "atheris"
    if guided and READERS.keys() & set(options.format or ()):
        parser.error("--engine atheris makes captures only")
    options.format = options.format or list(RECIPES if guided else FORMATS)
    if options.replay and len(options.format) > 1:
        parser.error("--replay needs the --format that the input was made for")
    return options


def main(given: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = arguments(given)
    if options.replay:
        return _replay(options)
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    if options.engine == "atheris":
        return max(_guided(name, options, seed) for name in options.format)
    print(f"seed {seed}\n{report.HEADING}", flush=True)
    return max(_series(name, options, seed) for name in options.format)


def _replay(options: argparse.Namespace) -> int:
    name = options.format[0]
    came = try_case(_saved(name, options), Peak())
    print(came.what if isinstance(came, Finding) else came)
    return int(isinstance(came, Finding))


def _saved(name: str, options: argparse.Namespace) -> Input:
    data = options.replay.read_bytes()
    if name in READERS:
        return Reading(name, data, options.piece, options.method.encode())
    named = None if options.sniff else RECIPES[name].format
    return Case(name, data, Way(named, options.salvage, options.raw, options.piece))


def _series(name: str, options: argparse.Namespace, seed: int) -> int:
    whole = Result()
    for part in run_series(name, seed, options.first, options.count, options.processes):
        whole.add(part)
        if sys.stderr.isatty():
            print(f"\r\033[K{name} {whole.inputs}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(report.line(name, whole), flush=True)
    for each in report.findings(whole, options.findings):
        print(each, flush=True)
    return int(bool(whole.counts or whole.lost))


def _guided(name: str, options: argparse.Namespace, seed: int) -> int:
    """Runs libFuzzer in a process of its own, which it ends as it likes."""
    given = [name, str(options.count), str(seed), str(options.findings)]
    done = subprocess.run([sys.executable, "-m", "tools.fuzz.guided", *given], check=False)
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())

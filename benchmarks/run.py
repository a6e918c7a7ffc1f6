"""The benchmark: every goal's figures, beside every peer that is found: `make bench`.

    python -m benchmarks.run [--quick] [--rounds N] [--flows N] [--depth N] [--log-gib N]
                             [--no-peers] [--json]

Runs rounds (`rounds`), at the end one very long queue (`depth`) and, where it is asked for,
one very long event log (`long_log`), and prints figures and goals as tables. The books of
every run are checked: it ends with 1 when they do not balance, never because a goal is
missed. Progress goes to stderr.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contenders import BARE_LOOP, BESIDE, Stage, available
from benchmarks.depth import deep_queue
from benchmarks.figures import Round
from benchmarks.long_log import log_costs
from benchmarks.machine import CORES, OtherLoad, describe
from benchmarks.report import Results, as_json, as_text
from benchmarks.rounds import Rounds
from benchmarks.targets import Target, run_target
from benchmarks.workloads import SESSIONS

_FULL = {"rounds": 5, "flows": 10_000, "depth": 1_000_000}
_QUICK = {"rounds": 1, "flows": 1000, "depth": 0}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; the form fills in what it leaves open."""
    parser = argparse.ArgumentParser(description="Measures replayd on this machine.")
    parser.add_argument("--quick", action="store_true", help="one small round: two minutes")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--flows", type=int, help="of a usual workload")
    parser.add_argument("--depth", type=int, help="of the long queue; 0: leave it out")
    parser.add_argument("--log-gib", type=int, default=0, help="of the long log; 0: leave it out")
    parser.add_argument("--no-peers", action="store_true", help="only the bare loop beside")
    parser.add_argument("--json", action="store_true")
    read = parser.parse_args(words)
    for name, number in (_QUICK if read.quick else _FULL).items():
        if getattr(read, name) is None:
            setattr(read, name, number)
    return read


def contenders(*, peers: bool) -> frozenset[str]:
    """Returns who takes part: the bare loop, and the peers that are on this machine."""
    known = {name for beside in BESIDE.values() for name in beside}
    return frozenset(name for name in known if name == BARE_LOOP or (peers and available(name)))


def measure(target: Target, wanted: argparse.Namespace) -> Results:
    """Runs all rounds, the long queue and the long log with the last one."""
    taking_part = contenders(peers=not wanted.no_peers)
    facts = {
        "machine": describe(),
        "date": time.strftime("%Y-%m-%d"),
        "target": f"{target.name}; the bundled server where it answers after 20 ms",
        "run": f"{wanted.rounds} rounds, {wanted.flows:,} flows of {SESSIONS} sessions "
        f"(twice the concurrency where that is more), long queue {wanted.depth:,}, "
        f"long log {wanted.log_gib} GiB",
        "beside": ", ".join(sorted(taking_part)),
    }
    results: list[Round] = []
    others = OtherLoad()
    with tempfile.TemporaryDirectory() as folder:
        rounds = Rounds(Stage(target, Path(folder), wanted.flows), taking_part)
        for number in range(1, wanted.rounds + 1):
            print(f"round {number} of {wanted.rounds}", file=sys.stderr, flush=True)
            results.append(rounds.measure())
    if wanted.depth:
        results[-1] = {**results[-1], **deep_queue(target, wanted.depth, wanted.flows)}
    if wanted.log_gib:
        size = wanted.log_gib << 30
        costs = log_costs(target, size, wanted.flows, wanted.rounds)
        results[-1] = {**results[-1], **costs}
    facts["other load"] = f"{others.cores():.1f} of {len(CORES)} cores were busy with other work"
    return Results(facts, results, rounds.notes)


def main() -> None:
    """Measures and prints."""
    wanted = arguments()
    # Stopped from outside it stops what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_frame: sys.exit(128 + signal.SIGTERM))
    with run_target() as target:
        results = measure(target, wanted)
    print(as_json(results) if wanted.json else as_text(results))


if __name__ == "__main__":
    main()

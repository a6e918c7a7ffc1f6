"""What a flow costs as things grow: `make curves`.

    python -m benchmarks.curves [--only CURVE ...] [--short] [--rounds N] [--flows N]
                                [--depth N] [--body-mib N] [--concurrency N] [--watchers N]
                                [--log-gib N] [FOLDER]

Each curve has its points, up to the size that is asked for; all points of a curve are
measured in turn, then once more, so that a machine that drifts drifts for all. The books of
every run are checked: it ends with 1 when they do not balance. Each curve's medians are
written to FOLDER as JSON, for `pictures`; progress goes to stderr. `--short` takes seconds:
it shows that it works, not what a flow costs.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import spread
from benchmarks.growing import CURVES, Curve, Point, Sample
from benchmarks.machine import CORES, OtherLoad, describe, fdatasync_seconds
from benchmarks.targets import Target, run_target

FOLDER = Path(__file__).parents[1] / "docs/images"
"""Where results and pictures are kept."""

_FULL = {"rounds": 3, "flows": 5000, "depth": 10**6, "body_mib": 64.0, "concurrency": 500}
_FULL |= {"watchers": 1000, "log_gib": 10.0}
_SHORT = {"rounds": 1, "flows": 50, "depth": 1000, "body_mib": 0.0, "concurrency": 1}
_SHORT |= {"watchers": 0, "log_gib": 0.0}


def document(
    curve: Curve, samples: Iterable[Sample | str], facts: dict[str, str]
) -> dict[str, Any]:
    """Returns what is kept of a curve: of each point median, least and most."""
    found: dict[str, dict[float, list[Point]]] = {}
    notes = []
    for sample in samples:
        if isinstance(sample, str):
            notes.append(sample)
        else:
            found.setdefault(sample.line, {}).setdefault(sample.x, []).append(sample.point)
    lines = {
        line: [
            {"x": x} | {name: spread(each)._asdict() for name, each in _columns(points).items()}
            for x, points in sorted(by_x.items())
        ]
        for line, by_x in found.items()
    }
    return {
        "title": curve.title,
        "axis": curve.axis,
        "unit": curve.unit,
        "facts": facts,
        "notes": notes,
        "lines": lines,
    }


def _columns(points: Sequence[Point]) -> dict[str, list[float]]:
    return {name: [getattr(each, name) for each in points] for name in Point._fields}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; the form fills in what it leaves open."""
    parser = argparse.ArgumentParser(description="Measures what a flow costs as things grow.")
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES))
    parser.add_argument("--short", action="store_true", help="one small point of each")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--flows", type=int, help="replayed for a point, where time allows")
    parser.add_argument("--depth", type=int, help="of the longest queue")
    parser.add_argument("--body-mib", type=float, help="of the largest content")
    parser.add_argument("--concurrency", type=int, help="the highest")
    parser.add_argument("--watchers", type=int, help="the most")
    parser.add_argument("--log-gib", type=float, help="of the longest event log")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    read = parser.parse_args(words)
    for name, number in (_SHORT if read.short else _FULL).items():
        if getattr(read, name) is None:
            setattr(read, name, number)
    return read


def measure(target: Target, wanted: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measures the curves that are asked for; yields each by its name."""
    facts = {
        "machine": describe(),
        "date": time.strftime("%Y-%m-%d"),
        "fdatasync": f"{fdatasync_seconds() * 1000:.2f} ms",
        "rounds": str(wanted.rounds),
    }
    for name in wanted.only:
        samples, others = [], OtherLoad()
        for sample in CURVES[name].samples(target, wanted):
            print(f"  {name}, {_said(sample)}", file=sys.stderr, flush=True)
            samples.append(sample)
        busy = f"{others.cores():.1f} of {len(CORES)} cores"
        yield name, document(CURVES[name], samples, facts | {"other load": busy})


def _said(sample: Sample | str) -> str:
    if isinstance(sample, str):
        return sample
    line, x, (cpu, rate, memory) = sample
    return f"{line}, {x:,}: {cpu:,.1f} µs of CPU, {rate:,.0f} flows/s, {memory:.0f} MiB"


def main() -> None:
    """Measures, and writes a file for each curve as it is done."""
    wanted = arguments()
    # Stopped from outside it stops what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_frame: sys.exit(128 + signal.SIGTERM))
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with run_target() as target:
        for name, kept in measure(target, wanted):
            file = wanted.folder / f"{name}.json"
            file.write_text(json.dumps(kept, indent=1) + "\n")
            print(file)


if __name__ == "__main__":
    main()

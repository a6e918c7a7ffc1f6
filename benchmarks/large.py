"""Large captures: what the daemon, its decoder and the clients need for them: `make large`.

    python -m benchmarks.large [--size-mib N] [--limit-mib N] [--only FORMAT ...]

Writes a capture of each format (`large_captures`) and takes it in with a daemon of its
own, on disk as always. The first one is replayed to its end against a local server,
watched, exported in every format that is written, and a part of it enqueued with --wait;
the others are cleared off the queue. Prints a row a step; ends with 1 when the peak
memory of a process was over the limit.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from flowreplay_client import connect

from benchmarks.large_captures import FORMATS, Written, write_capture
from benchmarks.memory import Cost, run
from benchmarks.processes import BIN, Daemon, daemon_process, target

MIB = 1 << 20

REPLAYED = "mitm"
"""The format of the capture that is replayed."""

EXPORTED = ("mitm", "har", "gor")
"""The formats that it is exported in, as files' names say them."""

WAITED_FOR = 8
"""Which part of the size is enqueued with --wait."""

_COLUMNS = (
    "",
    "flows",
    "MiB",
    "s",
    "flows/s",
    "MiB/s",
    "daemon",
    "worker",
    "client",
    "disk",
    "WAL",
)


class Step(NamedTuple):
    """A step with what it cost."""

    name: str
    written: Written
    cost: Cost

    def row(self) -> tuple[str, ...]:
        """Returns the step's cells; memory and disk in MiB."""
        flows, size, seconds = self.written.flows, self.written.size / MIB, self.cost.seconds
        figures = (flows, size, seconds, flows / seconds, size / seconds)
        peaks = [self.cost.peaks[name] for name in ("daemon", "worker", "client")]
        sizes = (*peaks, self.cost.disk, self.cost.log)
        return (self.name, *map(_number, figures), *(f"{each / MIB:,.0f}" for each in sizes))


def taken_in(capture: Path, written: Written) -> Iterator[Step]:
    """Enqueues a capture, and clears it off the queue."""
    name = capture.name.partition(".")[2]
    with daemon_process("--paused") as daemon:
        yield Step(f"{name}: enqueue", written, run(daemon, _replayctl(daemon, "enqueue", capture)))
        _check(daemon, queued=written.flows)
        yield Step(f"{name}: clear", written, run(daemon, _replayctl(daemon, "clear")))
        _check(daemon, queued=0)


def replayed(port: int, capture: Path, written: Written) -> Iterator[Step]:
    """Enqueues a capture, replays all of it, exports it; and enqueues a part with --wait."""
    dialled = f"--connect-to=http://=127.0.0.1:{port}"
    with daemon_process("--paused", "--concurrency=32") as daemon:
        enqueue = _replayctl(daemon, "enqueue", capture, dialled)
        yield Step(f"{REPLAYED}: enqueue", written, run(daemon, enqueue))
        batch_id = _resumed(daemon)
        watch = _replayctl(daemon, "watch", "--from=start", "--until-idle")
        yield Step(f"{REPLAYED}: replay, watched", written, run(daemon, watch))
        _check(daemon, queued=0, succeeded=written.flows)
        for suffix in EXPORTED:
            out = capture.with_name(f"export.{suffix}")
            cost = run(daemon, _replayctl(daemon, "export", batch_id, out))
            exported = Written(written.flows, out.stat().st_size)
            out.unlink()
            yield Step(f"{REPLAYED}: export {suffix}", exported, cost)
        part = write_capture(REPLAYED, capture, written.size // WAITED_FOR, seed=2)
        waiting = _replayctl(daemon, "enqueue", capture, dialled, "--wait")
        yield Step(f"{REPLAYED}: enqueue --wait", part, run(daemon, waiting))


def _resumed(daemon: Daemon) -> str:
    """Lets the queue go on; returns the id of its first batch."""
    with connect(daemon.address) as client, client.watch(start="start", kinds=["update"]) as events:
        batch_id = next(event.batch_id for event in events if event.batch_id)
        client.resume()
    return batch_id


def _check(daemon: Daemon, queued: int, succeeded: int = 0) -> None:
    """Compares the daemon's books: every flow was taken, and replayed."""
    with connect(daemon.address) as client:
        counts = client.count()
    if (counts.queued_count, counts.succeeded_count) != (queued, succeeded):
        raise SystemExit(f"{queued} queued and {succeeded} succeeded were expected: {counts}")


def _replayctl(daemon: Daemon, *arguments: str | Path) -> Sequence[str]:
    command = [str(BIN / "replayctl"), "--address", daemon.address]
    return [*command, *map(str, arguments)]


def steps(size: int, formats: Sequence[str]) -> Iterator[Step]:
    """Goes through all steps; each capture is written right before and removed after."""
    for name in formats:
        with tempfile.TemporaryDirectory() as folder:
            capture = Path(folder, f"large.{name}")
            written = write_capture(name, capture, size)
            if name == REPLAYED:
                with target() as port:
                    yield from replayed(port, capture, written)
            else:
                yield from taken_in(capture, written)


def main() -> int:
    """Prints each step as it ends; returns 1 when one took more than the limit."""
    parser = argparse.ArgumentParser(description="Measures what large captures need.")
    parser.add_argument("--size-mib", type=int, default=1024, help="of each capture, unpacked")
    parser.add_argument("--limit-mib", type=int, default=300, help="of each process")
    parser.add_argument("--only", nargs="+", choices=FORMATS, default=list(FORMATS))
    arguments = parser.parse_args()
    print("Peak memory of the processes, and the data dir with the WAL's peak, in MiB")
    _print(_COLUMNS)
    over = []
    for step in steps(arguments.size_mib * MIB, arguments.only):
        _print(step.row())
        if "replay" in step.name:
            course = ", ".join(f"{each / MIB:.0f}" for each in step.cost.course(12))
            print(f"  the daemon's memory meanwhile: {course}", flush=True)
        over += [
            f"{step.name}: the {name} took {peak / MIB:,.0f} MiB"
            for name, peak in step.cost.peaks.items()
            if peak > arguments.limit_mib * MIB
        ]
    print("\n".join(over) or f"Nothing took more than {arguments.limit_mib} MiB.")
    return 1 if over else 0


def _print(cells: Sequence[str]) -> None:
    name, *figures = cells
    print(f"{name:24}" + "".join(f"{figure:>9}" for figure in figures), flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())

"""Looks at a daemon from outside: memory, descriptors, threads, files, and its counts."""

import asyncio
import os
import time
from pathlib import Path

from flowreplay.v1 import replay_pb2_grpc
from flowreplay.v1.replay_pb2 import CountRequest, GetStatusRequest

from benchmarks.machine import cpu_seconds
from benchmarks.memory import resident
from benchmarks.processes import Daemon
from tools.soak.judge import Sample

_DEADLINE = 30.0


class Sampler:
    """Collects samples, from `start` (of time.monotonic) on."""

    def __init__(
        self, daemon: Daemon, stub: "replay_pb2_grpc.ReplayServiceAsyncStub", start: float
    ) -> None:
        self._daemon = daemon
        self._stub = stub
        self._start = start
        self.samples: list[Sample] = []

    async def look(self) -> Sample:
        """Adds a sample and returns it."""
        counts = await self._stub.Count(CountRequest(), timeout=_DEADLINE)
        status = await self._stub.GetStatus(GetStatusRequest(), timeout=_DEADLINE)
        wal, journal = await asyncio.to_thread(_files, self._daemon.data)
        process = Path(f"/proc/{self._daemon.pid}")
        sample = Sample(
            seconds=time.monotonic() - self._start,
            memory=resident(self._daemon.pid),
            descriptors=len(os.listdir(process / "fd")),  # noqa: PTH208 - links that come and go
            threads=len(list((process / "task").iterdir())),
            children=_children(process),
            wal=wal,
            journal=journal,
            queued=counts.queued_count,
            running=counts.running_count,
            watchers=status.watcher_count,
            latest=status.latest_sequence,
            cpu=cpu_seconds(self._daemon.pid),
        )
        self.samples.append(sample)
        return sample


def _children(process: Path) -> int:
    """Counts the decoders: asyncio starts them in the main thread."""
    return len((process / "task" / process.name / "children").read_text().split())


def _files(data: Path) -> tuple[int, int]:
    """Returns the bytes of the write-ahead log, and of all else in the data dir."""
    wal = other = 0
    for folder, _, names in os.walk(data):
        for name in names:
            try:
                size = Path(folder, name).stat().st_size
            except FileNotFoundError:
                continue  # retention has just removed it
            if name.endswith("-wal"):
                wal += size
            else:
                other += size
    return wal, other

"""Large captures pass through client, decoder and daemon in pieces, never as a whole.

`make large` measures that with a GiB of each format. Here a capture follows one of a sixth
of its size, with contents that are small beside both: what was read, or kept, as a whole
would show in the peaks.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flowreplay_client import connect

from benchmarks.large_captures import write_capture
from benchmarks.memory import run
from benchmarks.processes import BIN, Daemon, daemon_process

MIB = 1 << 20
SMALL, LARGE = 4 * MIB, 24 * MIB
LARGEST = 32 << 10
"""Bytes of a content."""
MOST = 16
"""MiB that a peak may grow by: less than the large one has more than the small one."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with daemon_process("--paused") as running:
        yield running


@pytest.mark.parametrize("name", ["mitm", "har", "gor", "xml"])
def test_peaks_do_not_grow_with_the_capture(name: str, daemon: Daemon, tmp_path: Path) -> None:
    capture = tmp_path / f"large.{name}"
    enqueue = [str(BIN / "replayctl"), "--address", daemon.address, "enqueue", str(capture)]
    with connect(daemon.address) as client:
        wanted = client.count().queued_count
        peaks = []
        for size in (SMALL, LARGE):
            wanted += write_capture(name, capture, size, largest=LARGEST).flows
            peaks.append(run(daemon, enqueue).peaks)
        assert client.count().queued_count == wanted
    grown = {role: (peaks[1][role] - peaks[0][role]) / MIB for role in peaks[0]}
    assert grown.keys() == {"daemon", "worker", "client"}
    assert max(grown.values()) < MOST, f"MiB: {grown}"

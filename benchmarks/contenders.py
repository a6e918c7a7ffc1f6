"""Who is measured beside replayd on which workload, and how each one is called.

A contender is a peer, mitmproxy, GoReplay, or the bare loop, which is always there. What
is not on this machine is left out, and so are its figures.
"""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import goreplay, mitmproxy, peers
from benchmarks.figures import Rate
from benchmarks.machine import client_cores, ended_cpu_seconds, on
from benchmarks.peers import PEERS
from benchmarks.targets import Target
from benchmarks.workloads import (
    GET_1,
    GET_1_SAME,
    GET_32,
    HTTPS_32,
    LARGE_1,
    POST_32,
    SLOW_32,
    SLOW_500,
    Workload,
)

MITMPROXY, BARE_LOOP = "mitmproxy", "bare loop"
GOREPLAY = {"GoReplay": 0, "GoReplay, 32 workers": 32}
"""Names with workers; 0: GoReplay's own choice."""

BESIDE: dict[Workload, tuple[str, ...]] = {
    GET_1: (MITMPROXY, BARE_LOOP, "ab", "wrk"),
    GET_1_SAME: (BARE_LOOP, "wrk"),
    GET_32: (MITMPROXY, *GOREPLAY, *PEERS, BARE_LOOP),
    HTTPS_32: (MITMPROXY, "hey", "wrk"),
    POST_32: ("GoReplay, 32 workers", "hey", "wrk", BARE_LOOP),
    LARGE_1: (BARE_LOOP,),
    SLOW_32: (BARE_LOOP,),
    SLOW_500: (BARE_LOOP,),
}
"""The workloads that are compared, and with whom."""

_FAST, _MITMPROXY = 5, 0.1
"""How many requests a fast contender, and mitmproxy, get for each of replayd's flows."""

_LEAST = 200
"""Flows that mitmproxy gets at least: its start, which is taken off, takes as long."""

_DUMP = 5000
"""Flows of the dump that is taken in, at most."""


class Stage(NamedTuple):
    """What contenders need."""

    target: Target
    folder: Path
    """For the dumps that are made once."""
    flows: int
    """How many flows replayd gets of a usual workload."""

    @property
    def dump_flows(self) -> int:
        """How many flows the dump that is taken in has."""
        return min(self.flows, _DUMP)

    def dump(self, count: int) -> Path:
        """Returns a dump of so many plain flows."""
        return mitmproxy.dump(self.folder, self.target, GET_32, count)


def available(name: str) -> bool:
    """Whether a contender is on this machine."""
    if name == BARE_LOOP:
        return True
    if name == MITMPROXY:
        return mitmproxy.mitmdump() is not None
    return goreplay.goreplay() is not None if name in GOREPLAY else peers.found(name)


def contender_rate(name: str, stage: Stage, workload: Workload) -> Rate:
    """Runs a contender that is available. Raises PeerFailed.

    The CPU a request is that of its processes, their start included, but mitmproxy's.
    """
    if name == MITMPROXY:
        return _mitmproxy_rate(stage, workload)
    server = stage.target.serving(workload)
    before, cpu = server.requests(), ended_cpu_seconds()
    each_second = _caller(name)(stage, workload)
    return Rate(each_second, (ended_cpu_seconds() - cpu) / (server.requests() - before))


def _caller(name: str) -> Callable[[Stage, Workload], float]:
    if name == BARE_LOOP:
        return bare_loop_rate
    if name in GOREPLAY:
        return partial(_goreplay_rate, GOREPLAY[name])
    return partial(_peer_rate, name)


def bare_loop_rate(stage: Stage, workload: Workload) -> float:
    """Runs the bare loop on the client's core; requests a second."""
    # From a slow target requests are no faster for being bare.
    usual = stage.flows * (1 if workload in (SLOW_32, SLOW_500) else _FAST)
    count = workload.count(usual)
    url = workload.url(stage.target.port_of(workload), 0)
    command = [sys.executable, "-m", "benchmarks.baseline", url, str(count)]
    command += ["--connections", str(workload.concurrency)]
    command += ["--content", str(len(workload.content))]
    command += ["--ca-file", str(stage.target.ca_file)] if workload.tls else []
    server = stage.target.serving(workload)
    before = server.requests()
    with on(client_cores(same=workload.same_core)):
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=300).stdout
    # The first one measures the answer.
    if (arrived := server.requests() - before) != count + 1:
        raise SystemExit(f"the bare loop sent {arrived} requests of {count + 1}")
    return count / float(said)


def _mitmproxy_rate(stage: Stage, workload: Workload) -> Rate:
    program = mitmproxy.mitmdump()
    assert program is not None
    count = workload.count(max(int(stage.flows * _MITMPROXY), _LEAST))
    return mitmproxy.replay_rate(program, stage.folder, stage.target, workload, count)


def _goreplay_rate(workers: int, stage: Stage, workload: Workload) -> float:
    program = goreplay.goreplay()
    assert program is not None
    return goreplay.replay_rate(program, stage.target, workload, stage.flows, workers)


def _peer_rate(name: str, stage: Stage, workload: Workload) -> float:
    return peers.peer_rate(name, stage.target, workload, stage.flows * _FAST)

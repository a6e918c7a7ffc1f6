"""One round of the benchmark: replayd and each contender on each workload, in turn.

Whose figures are compared run right after each other, so that a machine that drifts
drifts for both. A peer that fails is noted and left out; books that do not balance end
the run (SystemExit).
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from benchmarks import goals, mitmproxy
from benchmarks.contenders import BESIDE, MITMPROXY, Stage, contender_rate
from benchmarks.costs import process_costs
from benchmarks.enqueues import capture_rate, replay_beside_enqueuer, typed_rate
from benchmarks.figures import Rate, Round
from benchmarks.goals import OURS, cpu_figure, figure
from benchmarks.machine import fdatasync_seconds
from benchmarks.peers import PeerFailed
from benchmarks.replays import replay
from benchmarks.workloads import GET_32, SLOW, SLOW_20, Workload, ideal_rate

_TYPED = 2
"""How many flows are enqueued for each that is replayed: it is faster."""

_MICROSECONDS = 1_000_000

_WATCHERS = {goals.UNWATCHED: 0, goals.EIGHT_WATCHERS: 8}


@dataclass
class Rounds:
    """Measures on one stage; `notes` tells of peers that failed."""

    stage: Stage
    contenders: frozenset[str]
    """Those that take part."""
    notes: list[str] = field(default_factory=list)

    def measure(self) -> Round:
        """Measures everything once; tells each figure on stderr."""
        figures: dict[str, float] = {}
        for step in self._steps():
            try:
                found = step()
            except PeerFailed as failure:
                self.notes.append(str(failure))
                continue
            for name, value in found.items():
                print(f"  {name}: {value:,.4g}", file=sys.stderr, flush=True)
            figures |= found
        return figures

    def _steps(self) -> Iterator[Callable[[], Round]]:
        for workload, beside in BESIDE.items():
            yield partial(self._replayd, workload)
            if workload is GET_32:
                yield self._unsynced
                yield from (partial(self._watched, name) for name in _WATCHERS)
                yield self._beside_enqueuer
                yield self._hooked
            for name in beside:
                if name in self.contenders:
                    yield partial(self._contender, name, workload)
        yield from (self._latency, self._typed, self._dump)
        if MITMPROXY in self.contenders:
            yield self._mitmproxy_dump
        yield from (process_costs, lambda: {goals.FDATASYNC: fdatasync_seconds()})

    def _replayd(self, workload: Workload) -> Round:
        run = replay(self.stage.target, workload, self.stage.flows)
        figures = _named(workload, OURS, run.rate)
        if workload.answer == SLOW:
            figures[figure(workload, goals.IDEAL)] = ideal_rate(workload)
        return figures

    def _contender(self, name: str, workload: Workload) -> Round:
        try:
            return _named(workload, name, contender_rate(name, self.stage, workload))
        except PeerFailed as failure:
            raise PeerFailed(f"{figure(workload, name)}: {failure}") from None

    def _unsynced(self) -> Round:
        options = ["--synchronous=normal"]
        run = replay(self.stage.target, GET_32, self.stage.flows, options=options)
        return _named(GET_32, goals.UNSYNCED, run.rate)

    def _watched(self, name: str) -> Round:
        run = replay(self.stage.target, GET_32, self.stage.flows, _WATCHERS[name])
        return _named(GET_32, name, run.rate)

    def _beside_enqueuer(self) -> Round:
        rate = replay_beside_enqueuer(self.stage.target, self.stage.flows)
        return {figure(GET_32, goals.BESIDE_ENQUEUER): rate}

    def _hooked(self) -> Round:
        run = replay(self.stage.target, GET_32, self.stage.flows, hook=True)
        return _named(GET_32, goals.HOOKED, run.rate)

    def _latency(self) -> Round:
        run = replay(self.stage.target, SLOW_20, self.stage.flows)
        return {goals.LATENCY_50: run.seen.p50, goals.LATENCY_99: run.seen.p99}

    def _typed(self) -> Round:
        return {goals.ENQUEUE: typed_rate(self.stage.flows * _TYPED)}

    def _dump(self) -> Round:
        count = self.stage.dump_flows
        return {goals.DUMP: capture_rate(self.stage.dump(count), count)}

    def _mitmproxy_dump(self) -> Round:
        program, count = mitmproxy.mitmdump(), self.stage.dump_flows
        assert program is not None
        rate = mitmproxy.loading_rate(program, self.stage.dump(count), count, self.stage.dump(1))
        return {goals.DUMP_MITMPROXY: rate}


def _named(workload: Workload, who: str, rate: Rate) -> dict[str, float]:
    return {
        figure(workload, who): rate.each_second,
        cpu_figure(workload, who): rate.cpu * _MICROSECONDS,
    }

"""The goals: what replayd is meant to reach, as a table, and what a run says of it. Pure.

A goal is about a figure, or about its ratio to another one of the same round. Ratios are
to peers on the same workload, pinned in the same way; a goal whose peer is not on the
machine is not judged.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.figures import Round, Spread, ratios, spread
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

OURS, IDEAL = "replayd", "ideal"
UNWATCHED, EIGHT_WATCHERS = "replayd, no watcher", "replayd, 8 watchers"
UNSYNCED = "replayd, --synchronous normal"
HOOKED = "replayd, a hook that has all go on"
BESIDE_ENQUEUER = "replayd, beside an enqueueing client"

CPU = ", CPU"
"""How the names of CPU times end."""

ENQUEUE = "enqueue of typed flows, flows/s"
DUMP, DUMP_MITMPROXY = "taking in a dump, flows/s: replayd", "taking in a dump, flows/s: mitmproxy"
LATENCY_50, LATENCY_99 = (
    "event latency at 1,000 flows/s, p50, s",
    "event latency at 1,000 flows/s, p99, s",
)
FDATASYNC = "one fdatasync, s"
IDLE_MEMORY = "idle memory, MiB"
FIRST_CALL, COUNT_COMMAND = "start to first answered call, s", "replayctl count, whole process, s"
LONG_MEMORY = "long queue: the daemon's memory, MiB"
LONG_RESTART = "long queue: restart to first replay, s"
LONG_HEAD = "long queue: replay of its head, flows/s"
SHORT_HEAD = "long queue: a short one in turns with it, flows/s"
LONG_ENQUEUE = "long queue: enqueue, flows/s"
LONG_COST = f"replay at the head of a long queue{CPU}"
SHORT_COST = f"replay of a short queue{CPU}"
FULL_LOG_COST = f"replay with a long event log{CPU}"
EMPTY_LOG_COST = f"replay with an empty event log{CPU}"
LOG_MEMORY = "long event log: the daemon's memory, MiB"


def figure(workload: Workload, who: str) -> str:
    """Returns the name of the rate (requests a second) that somebody has on a workload."""
    return f"{workload.title}: {who}"


def cpu_figure(workload: Workload, who: str) -> str:
    """Returns the name of what somebody's process takes of CPU for each request, in µs."""
    return f"{figure(workload, who)}{CPU}"


class Goal(NamedTuple):
    """What is wanted of a figure."""

    text: str
    figure: str
    wanted: float
    against: str = ""
    """Another figure: the goal is about the ratio to it."""
    at_most: bool = False

    def values(self, rounds: Sequence[Round]) -> list[float]:
        """Returns the ratio, or the figure, of each round that has it."""
        if self.against:
            return ratios(rounds, self.figure, self.against)
        return [each[self.figure] for each in rounds if self.figure in each]


class Verdict(NamedTuple):
    """What a run says of a goal."""

    goal: Goal
    reached: Spread | None
    """None: the figure, or the peer's, could not be had."""

    @property
    def met(self) -> bool | None:
        """Whether the median is as wanted; None: not judged."""
        if self.reached is None:
            return None
        median, wanted = self.reached.median, self.goal.wanted
        return median <= wanted if self.goal.at_most else median >= wanted


def _rate(text: str, workload: Workload, against: str, wanted: float, who: str = OURS) -> Goal:
    return Goal(text, figure(workload, who), wanted, figure(workload, against))


def _at_most(text: str, name: str, wanted: float) -> Goal:
    return Goal(text, name, wanted, at_most=True)


GOALS = (
    _rate("strict order (1 at once) against mitmproxy's client replay", GET_1, "mitmproxy", 35),
    _rate("32 at once against mitmproxy's best setting", GET_32, "mitmproxy", 110),
    _rate("HTTPS, kept connections, against mitmproxy", HTTPS_32, "mitmproxy", 25),
    _rate("32 at once against GoReplay, default workers", GET_32, "GoReplay", 5),
    _rate("32 at once against GoReplay, 32 workers", GET_32, "GoReplay, 32 workers", 1.5),
    _rate("32 at once against vegeta", GET_32, "vegeta", 1.4),
    _rate("32 at once against hey", GET_32, "hey", 1.0),
    _rate("1 at once against a bare socket loop, two cores", GET_1, "bare loop", 1.0),
    _rate("1 at once against a bare socket loop, same core", GET_1_SAME, "bare loop", 0.5),
    _rate("32 at once against a bare epoll loop", GET_32, "bare loop", 0.40),
    _rate("32 at once against wrk", GET_32, "wrk", 0.45),
    _rate("1 KiB POSTs against GoReplay, 32 workers", POST_32, "GoReplay, 32 workers", 1.0),
    _rate("1 MiB answers, against the bare loop's bytes", LARGE_1, "bare loop", 0.8),
    _rate("20 ms target, 32 at once, against the ideal", SLOW_32, IDEAL, 0.97),
    _rate("20 ms target, 500 at once, against the ideal", SLOW_500, IDEAL, 0.97),
    _rate("with synced commits (FULL), against NORMAL", GET_32, UNSYNCED, 0.9),
    _rate("with one watcher, against none", GET_32, UNWATCHED, 0.75),
    _rate("with 8 watchers, against one", GET_32, OURS, 0.75, EIGHT_WATCHERS),
    _at_most("event latency at 1,000 flows/s: p99, s", LATENCY_99, 0.020),
    Goal("enqueue, durable, one client, typed flows: flows/s", ENQUEUE, 50_000),
    Goal("a 5,000-flow dump against mitmproxy loading it", DUMP, 20, DUMP_MITMPROXY),
    _at_most("1,000,000 flows queued: memory of the daemon, MiB", LONG_MEMORY, 100),
    _at_most("1,000,000 flows queued: restart to first replay, s", LONG_RESTART, 0.5),
    Goal("replay at the head of 1,000,000 flows, against a short queue", LONG_HEAD, 0.9,
         SHORT_HEAD),
    Goal("1,000,000 flows queued: CPU a flow, against a short queue", LONG_COST, 1.1, SHORT_COST,
         at_most=True),
    Goal("an event log of 10 GiB: CPU a flow, against an empty one", FULL_LOG_COST, 1.1,
         EMPTY_LOG_COST, at_most=True),
    _rate("with a hook that has all go on, against none", GET_32, OURS, 0.4, HOOKED),
    _rate("while another client enqueues at full speed, against alone", GET_32, OURS, 0.5,
          BESIDE_ENQUEUER),
    _at_most("idle memory, MiB", IDLE_MEMORY, 48),
    _at_most("start to first answered call, s", FIRST_CALL, 0.3),
    _at_most("`replayctl count`, whole process, s", COUNT_COMMAND, 0.3),
)  # fmt: skip


def verdicts(rounds: Sequence[Round], goals: Iterable[Goal] = GOALS) -> Iterator[Verdict]:
    """Judges each goal by the median over all rounds."""
    for goal in goals:
        values = goal.values(rounds)
        yield Verdict(goal, spread(values) if values else None)

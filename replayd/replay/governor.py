"""What one target is asked to bear, by all clients together: so many replays a second, and none
for a while once too many in a row have failed (a circuit breaker).

For this a target is the address that is dialled, host and port, whatever host the requests
name. What has to wait for its target is given back to the journal, where it is QUEUED as
before: it keeps no slot, and its session is not taken again until its turn has come. So a
target that is barred holds up nobody else, as long as no more than `bound` sessions wait;
beyond that, and at concurrency 1 at once, for there nothing overtakes, nothing is taken until
that target may be asked again.

Knows no sockets. Lives on the replay thread; others may only look at `states`.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from replayd.codec.plan import decode_plan
from replayd.errors import WireError
from replayd.model.event import LogLevel
from replayd.model.replay import Replay, ReplayKey
from replayd.model.target_state import BreakerState, TargetState
from replayd.planning.hosts import host_port
from replayd.planning.target_limits import NO_BREAKER, SECOND, Breaker, TargetLimits, fits
from replayd.planning.target_rules import Pattern
from replayd.reasons import Reason
from replayd.replay.clock import Clock
from replayd.replay.deadlines import NEVER
from replayd.replay.recorder import Recorder

_logger = logging.getLogger(__name__)

BOUND = 10_000
"""Sessions that wait for their targets at most: some MiB."""

_LATE = SECOND // 20
"""What a rate may catch up on, when the thread was busy."""

_RELEASED = 256
"""Sessions that are let go at once, so that the thread is never busy with that for long."""

_PATIENCE = SECOND
"""After this what was let go is not waited for any more: its batch may be paused."""

_KNOWN = 1024
"""Targets that are remembered; of those beyond, the ones of which there is nothing to tell
are forgotten."""

FAULTS = frozenset(
    {
        Reason.NAME_NOT_RESOLVED,
        Reason.CONNECT_FAILED,
        Reason.CONNECT_TIMEOUT,
        Reason.TLS_FAILED,
        Reason.CERTIFICATE_INVALID,
        Reason.TLS_TIMEOUT,
        Reason.PROXY_REFUSED,
        Reason.FIRST_BYTE_TIMEOUT,
        Reason.READ_TIMEOUT,
        Reason.TOTAL_TIMEOUT,
        Reason.WRITE_TIMEOUT,
        Reason.CLOSED_EARLY,
        Reason.CONNECTION_RESET,
        Reason.INVALID_RESPONSE,
        Reason.HEAD_TOO_LARGE,
        Reason.TOO_SLOW,
        Reason.STREAM_RESET,
    }
)
"""What counts against a target: it can't be reached, is silent, or breaks the protocol."""

Session = tuple[int, str]

_LEVELS = {LogLevel.INFO: logging.INFO, LogLevel.WARNING: logging.WARNING}


class Queue(Protocol):
    """As much of the journal as the governor needs."""

    def defer(self, keys: Sequence[ReplayKey], *, held: bool) -> Sequence[Session]:
        """Undoes the taking of replays (`Journal.defer`)."""

    def let_go(self, sessions: Sequence[Session]) -> None:
        """Lets sessions be taken from again (`Journal.let_go`)."""


class GovernorSettings(NamedTuple):
    """What targets are asked to bear."""

    rates: TargetLimits[int]
    """Nanoseconds from one replay to the next; 0: no limit."""
    breaker: Breaker = NO_BREAKER
    fails: bool = False
    """What would have to wait for a breaker fails in place of that."""


class _Target:
    """What is known of one target."""

    __slots__ = (
        "breaker",
        "failures",
        "host",
        "interval",
        "next_at",
        "port",
        "probe",
        "released",
        "released_at",
        "reopens_at",
        "running",
        "waiting",
    )

    def __init__(self, host: str, port: int, interval: int) -> None:
        self.host = host
        self.port = port
        self.interval = interval
        self.next_at = 0
        """Monotonic, when the rate lets the next one go."""
        self.running = 0
        self.waiting: deque[Session] = deque()
        self.released = 0
        """Sessions that were let go and not taken from since."""
        self.released_at = 0
        """Monotonic, the last of them."""
        self.failures = 0
        self.breaker = BreakerState.CLOSED
        self.reopens_at = 0
        """Monotonic; while the breaker is open."""
        self.probe: ReplayKey | None = None

    @property
    def name(self) -> str:
        return host_port(self.host, self.port)

    def room(self, now: int) -> int:
        """How many replays may go now."""
        if self.breaker is BreakerState.PROBING:
            return 0
        if self.breaker is BreakerState.OPEN:
            return 1 if now >= self.reopens_at and now >= self.next_at else 0
        if not self.interval:
            return _RELEASED
        if now < self.next_at:
            return 0
        return 1 + min(now - self.next_at, self._late) // self.interval

    @property
    def again_at(self) -> int:
        """When there may be room, though nothing happens."""
        if self.breaker is BreakerState.PROBING:
            return NEVER
        if self.breaker is BreakerState.OPEN:
            return max(self.reopens_at, self.next_at)
        return self.next_at

    @property
    def _late(self) -> int:
        """What the rate may catch up on: only where somebody had to wait."""
        return _LATE if self.waiting or self.released else 0

    def begin(self, key: ReplayKey, now: int) -> None:
        """A replay goes there."""
        self.running += 1
        self.next_at = max(self.next_at, now - self._late) + self.interval
        if self.breaker is BreakerState.OPEN:
            self.breaker, self.probe = BreakerState.PROBING, key

    def forgettable(self, now: int) -> bool:
        """Whether one that is made anew would do as well."""
        used = self.running or self.waiting or self.failures
        return not used and self.next_at <= now and self.breaker is BreakerState.CLOSED


class Governor:
    """Decides which of the replays that were taken may go now."""

    def __init__(
        self,
        settings: GovernorSettings,
        queue: Queue,
        recorder: Recorder,
        clock: Clock,
        *,
        refuse: Callable[[Replay, WireError], None],
        bound: int = BOUND,
    ) -> None:
        """`refuse` ends a replay that is not sent; `bound`: sessions that may wait."""
        self._settings = settings
        self._queue = queue
        self._recorder = recorder
        self._clock = clock
        self._refuse = refuse
        self._bound = bound
        self._targets: dict[tuple[str, int], _Target] = {}
        self._running: dict[ReplayKey, _Target] = {}
        self._awaited: dict[_Target, None] = {}
        """Those that sessions wait for."""
        self._held = 0
        """How many sessions wait."""
        self._blocker: _Target | None = None
        """Nothing may be taken before there is room there."""

    # For the replay thread

    def admit(self, replays: Sequence[Replay]) -> list[Replay]:
        """Returns those of the replays just taken that may go now; gives the others back."""
        now = self._clock.monotonic()
        admitted: list[Replay] = []
        for replay in replays:
            target = self._target_of(replay, now)
            if target is None:
                admitted.append(replay)
                continue
            if target.room(now):
                target.begin(replay.key, now)
                self._running[replay.key] = target
                admitted.append(replay)
            elif self._refuses(target):
                self._refuse(replay, _left_alone(target, now))
            else:
                self._put_off(replay, target)
            target.released = max(target.released - 1, 0)
        return admitted

    def ended(self, key: ReplayKey, failure: Reason, *, answered: bool) -> None:
        """A replay that was admitted is over; of others nothing is noted.

        `failure`: why it failed; `answered`: the target was asked, and did not fail.
        """
        target = self._running.pop(key, None)
        if target is None:
            return
        target.running -= 1
        probe = target.probe == key
        if probe:
            target.probe = None
        if failure in FAULTS:
            self._failed(target, probe=probe)
        elif answered:
            self._answered(target)
        elif probe:
            # It says nothing; the next one will.
            target.breaker, target.reopens_at = BreakerState.OPEN, self._clock.monotonic()

    def advance(self) -> bool:
        """Lets go what may; True: it is worth to take again."""
        now = self._clock.monotonic()
        promising = False
        if self._blocker is not None and self._blocker.room(now):
            self._blocker = None
            promising = True
        for target in list(self._awaited):
            if target.released and now >= target.released_at + _PATIENCE:
                target.released = 0
            # What is to fail need not wait for that.
            room = _RELEASED if self._refuses(target) else target.room(now) - target.released
            count = min(room, len(target.waiting), _RELEASED)
            if count > 0:
                self._release(target, count, now)
                promising = True
        return promising

    def look_again(self) -> None:
        """Something happened to the queue: what blocked it, or was let go, may be gone."""
        self._blocker = None
        for target in self._awaited:
            target.released = 0

    @property
    def blocked(self) -> bool:
        """Whether nothing may be taken now."""
        return self._blocker is not None

    @property
    def deadline(self) -> int:
        """When `advance` has something to do, though nothing happens (monotonic)."""
        earliest = self._blocker.again_at if self._blocker is not None else NEVER
        for target in self._awaited:
            # What was let go is on its way to `admit`.
            late = target.released_at + _PATIENCE
            earliest = min(earliest, late if target.released else target.again_at)
        return earliest

    # For an operator

    def limit(self, pattern: Pattern | None, interval: int) -> None:
        """Has replays begin no sooner than so many nanoseconds after each other, where they go
        to what fits a pattern, or (None) to where nothing else is set; 0: no limit.
        """
        now = self._clock.monotonic()
        self._settings = self._settings._replace(
            rates=self._settings.rates.having(pattern, interval)
        )
        for target in self._targets.values():
            target.interval = self._interval(target.host, target.port)
            target.next_at = min(target.next_at, now + target.interval)
        rate = f"{SECOND / interval:g} replays a second" if interval else "any number of replays"
        self._say(LogLevel.INFO, f"{rate} may begin to {_named(pattern)} from now on")

    def close_breakers(self, pattern: Pattern | None) -> None:
        """Lets replays go again to what fits a pattern (None: anything) and is left alone."""
        for target in self._targets.values():
            if pattern is not None and not fits(pattern, target.host, target.port):
                continue
            if target.breaker is not BreakerState.CLOSED:
                target.failures = 0
                target.breaker, target.probe = BreakerState.CLOSED, None
                message = f"replays go to {target.name} again, as somebody asked"
                self._say(LogLevel.INFO, message, Reason.BREAKER_CLOSED)

    # For anybody

    def states(self) -> list[TargetState]:
        """Tells of the targets. From any thread."""
        ahead = self._clock.wall() - self._clock.monotonic()
        return [
            TargetState(
                target.host,
                target.port,
                target.running,
                len(target.waiting),
                target.interval,
                target.failures,
                target.breaker,
                target.reopens_at + ahead if target.breaker is BreakerState.OPEN else 0,
            )
            for target in tuple(self._targets.values())
        ]

    def _refuses(self, target: _Target) -> bool:
        return self._settings.fails and target.breaker is not BreakerState.CLOSED

    # Waiting

    def _put_off(self, replay: Replay, target: _Target) -> None:
        held = self._held < self._bound
        sessions = self._queue.defer([replay.key], held=held)
        if held:
            target.waiting.extend(sessions)
            self._awaited[target] = None
            self._held += 1
        else:
            self._blocker = target

    def _release(self, target: _Target, count: int, now: int) -> None:
        sessions = [target.waiting.popleft() for _ in range(count)]
        self._held -= count
        target.released += count
        target.released_at = now
        if not target.waiting:
            del self._awaited[target]
        self._queue.let_go(sessions)

    # Failing

    def _failed(self, target: _Target, *, probe: bool) -> None:
        target.failures += 1
        limit = self._settings.breaker
        closed = target.breaker is BreakerState.CLOSED
        if probe or (closed and limit.failures and target.failures >= limit.failures):
            target.breaker = BreakerState.OPEN
            target.reopens_at = self._clock.monotonic() + limit.pause
            self._say(
                LogLevel.WARNING,
                f"{target.name} failed {target.failures} times in a row; nothing is sent there "
                f"for {limit.pause / SECOND:g} s, then one replay tries it (--breaker)",
                Reason.BREAKER_OPEN,
            )

    def _answered(self, target: _Target) -> None:
        target.failures = 0
        if target.breaker is not BreakerState.CLOSED:
            target.breaker, target.probe = BreakerState.CLOSED, None
            message = f"{target.name} answers again; replays go there as before"
            self._say(LogLevel.INFO, message, Reason.BREAKER_CLOSED)

    def _say(self, level: LogLevel, message: str, reason: Reason = Reason.UNSPECIFIED) -> None:
        _logger.log(_LEVELS[level], "%s", message)
        self._recorder.note(level, message, reason)

    # Targets

    def _target_of(self, replay: Replay, now: int) -> _Target | None:
        """Returns the target of a replay; None: its plan can't be read, and it ends by that."""
        try:
            address = decode_plan(replay.plan).target.address
        except Exception:  # noqa: BLE001 - whoever prepares it says what is wrong
            return None
        target = self._targets.get(address)
        if target is None:
            if len(self._targets) >= _KNOWN:
                self._forget(now)
            target = self._targets[address] = _Target(*address, self._interval(*address))
        return target

    def _interval(self, host: str, port: int) -> int:
        return self._settings.rates.of(host, port) or 0

    def _forget(self, now: int) -> None:
        for address, target in list(self._targets.items()):
            if target.forgettable(now):
                del self._targets[address]


def _named(pattern: Pattern | None) -> str:
    return f"each target that fits {pattern.text}" if pattern is not None else "each other target"


def _left_alone(target: _Target, now: int) -> WireError:
    left = max(target.reopens_at - now, 0) / SECOND
    return WireError(
        Reason.BREAKER_OPEN,
        f"{target.name} failed {target.failures} times in a row; nothing is sent there for "
        f"{left:.1f} s more (--breaker)",
    )

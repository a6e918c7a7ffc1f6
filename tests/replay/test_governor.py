"""What a target is asked to bear: rates, breakers, and where replays wait meanwhile."""

import threading
from collections.abc import Sequence

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.codec.plan import encode_plan
from replayd.errors import WireError
from replayd.model.event import LogLevel
from replayd.model.plan import Plan, Target
from replayd.model.replay import Replay, ReplayKey
from replayd.model.target_state import BreakerState
from replayd.planning.target_limits import (
    NO_BREAKER,
    SECOND,
    Breaker,
    parse_limits,
    parse_rate,
)
from replayd.planning.target_rules import Pattern
from replayd.reasons import Reason
from replayd.replay import governor as module
from replayd.replay.governor import Governor, GovernorSettings
from tests.support.processes import DEADLINE
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, ScriptedServer, answers, silent

START = 1000 * SECOND
WALL = 50_000 * SECOND
FAILED = Reason.CONNECT_FAILED


class Governed:
    """A governor with a queue, a recorder and a clock that the test sees."""

    def __init__(
        self, *rates: str, breaker: Breaker = NO_BREAKER, fails: bool = False, bound: int = 10
    ) -> None:
        self.now = START
        self.held: list[str] = []
        self.given_back: list[str] = []
        self.let_go_: list[str] = []
        self.notes: list[Reason] = []
        self.refused: list[tuple[str, WireError]] = []
        settings = GovernorSettings(
            parse_limits(rates, "--target-rate", parse_rate), breaker, fails
        )
        self.governor = Governor(
            settings,
            self,
            self,  # type: ignore[arg-type]
            self,
            refuse=lambda replay, error: self.refused.append((replay.session, error)),
            bound=bound,
        )

    # The queue

    def defer(self, keys: Sequence[ReplayKey], *, held: bool) -> Sequence[tuple[int, str]]:
        names = [f"{key.flow_index}" for key in keys]
        (self.held if held else self.given_back).extend(names)
        return [(1, name) for name in names]

    def let_go(self, sessions: Sequence[tuple[int, str]]) -> None:
        self.let_go_ += [name for _, name in sessions]

    # The recorder

    def note(self, _level: LogLevel, _message: str, reason: Reason) -> None:
        self.notes.append(reason)

    # The clock

    def monotonic(self) -> int:
        return self.now

    def wall(self) -> int:
        return WALL + self.now

    # What tests do

    def take(self, *indices: int, host: str = "a.test") -> list[int]:
        admitted = self.governor.admit([replay(index, host) for index in indices])
        return [each.key.flow_index for each in admitted]

    def end(self, index: int, failure: Reason = Reason.UNSPECIFIED, answered: bool = True) -> None:
        self.governor.ended(key(index), failure, answered=answered and not failure)

    def later(self, seconds: float) -> list[str]:
        """What is let go after so long."""
        self.now += int(seconds * SECOND)
        self.let_go_.clear()
        self.governor.advance()
        return self.let_go_

    def breakers(self) -> list[BreakerState]:
        return [state.breaker for state in self.governor.states()]


def key(index: int) -> ReplayKey:
    return ReplayKey("b", 0, index)


def replay(index: int, host: str) -> Replay:
    plan = Plan(b"GET", b"", Target("http", host, 80), b"GET / HTTP/1.1\r\n\r\n", flow_index=index)
    return Replay(key(index), f"{index}", True, 1, encode_plan(plan), b"")


# Rates


def test_a_rate_lets_one_after_the_other_go_and_others_pass() -> None:
    governed = Governed("a.test=2/s")
    assert governed.take(0, 1, 2) == [0]
    assert governed.take(3, 4, host="b.test") == [3, 4]
    assert governed.held == ["1", "2"]
    assert governed.governor.deadline == START + SECOND // 2
    assert governed.later(0.4) == []
    assert governed.later(0.1) == ["1"]
    # It is on its way: nobody else is let go in its place.
    assert governed.later(0.5) == []
    assert governed.governor.deadline == governed.now + SECOND // 2
    assert governed.take(1) == [1]
    # It was late, and the next one need not be.
    assert governed.governor.deadline == governed.now + SECOND // 2 - SECOND // 20
    assert governed.later(0.5) == ["2"]


def test_a_rate_catches_up_on_a_moment_and_no_more() -> None:
    governed = Governed("100/s")
    assert governed.take(*range(9)) == [0]
    assert governed.later(10) == [str(index) for index in range(1, 7)]
    assert governed.take(*range(1, 7)) == list(range(1, 7))


def test_one_that_was_let_go_and_cleared_holds_up_nobody() -> None:
    governed = Governed("1/s")
    governed.take(0, 1, 2)
    assert governed.later(1) == ["1"]
    governed.governor.look_again()
    assert governed.later(0) == ["2"]


def test_one_that_was_let_go_and_is_not_taken_holds_up_nobody_for_long() -> None:
    governed = Governed("2/s")
    governed.take(0, 1, 2)
    assert governed.later(0.5) == ["1"]
    assert governed.later(0.9) == []
    assert governed.later(0.1) == ["2"]


def test_beyond_the_bound_nothing_is_taken_until_there_is_room() -> None:
    governed = Governed("1/s", bound=1)
    assert governed.take(0, 1, 2) == [0]
    assert (governed.held, governed.given_back) == (["1"], ["2"])
    assert governed.governor.blocked
    assert governed.governor.deadline == START + SECOND
    assert not governed.governor.advance()
    governed.later(1)
    assert not governed.governor.blocked
    # Something else may have come before what blocked.
    governed.take(3, 4)
    governed.governor.look_again()
    assert not governed.governor.blocked


# Breakers


def test_failures_in_a_row_open_it_and_a_probe_that_works_closes_it() -> None:
    governed = Governed(breaker=Breaker(2, 30 * SECOND))
    assert governed.take(0, 1, 2, 3) == [0, 1, 2, 3]
    for index in (0, 1, 2, 3):
        # An answer in between begins the count anew.
        governed.end(index, Reason.UNSPECIFIED if index == 1 else FAILED)
    assert governed.notes == [Reason.BREAKER_OPEN]
    assert governed.take(4, 5, 6) == []
    assert governed.held == ["4", "5", "6"]
    (state,) = governed.governor.states()
    assert (state.waiting, state.failures, state.breaker) == (3, 2, BreakerState.OPEN)
    assert state.reopens_at == WALL + START + 30 * SECOND
    assert governed.later(29) == []
    assert governed.later(1) == ["4"]
    assert governed.take(4) == [4]
    assert governed.breakers() == [BreakerState.PROBING]
    assert governed.take(7) == []
    assert governed.later(100) == []
    governed.end(4)
    assert governed.notes == [Reason.BREAKER_OPEN, Reason.BREAKER_CLOSED]
    assert governed.later(0) == ["5", "6", "7"]


def test_a_probe_that_fails_opens_it_again_and_late_failures_do_not() -> None:
    governed = Governed(breaker=Breaker(1, 10 * SECOND))
    governed.take(0, 1, 2)
    governed.end(0, FAILED)
    governed.now += 5 * SECOND
    governed.end(1, FAILED)
    governed.take(3, 4)
    assert governed.later(5) == ["3"]
    assert governed.take(3) == [3]
    governed.end(2, FAILED)
    assert governed.breakers() == [BreakerState.PROBING]
    governed.end(3, FAILED)
    assert governed.notes == [Reason.BREAKER_OPEN] * 2
    assert governed.later(9) == []
    assert governed.later(1) == ["4"]


def test_a_probe_that_says_nothing_leaves_it_to_the_next() -> None:
    governed = Governed(breaker=Breaker(1, 10 * SECOND))
    governed.take(0)
    governed.end(0, FAILED)
    governed.take(1, 2)
    governed.later(10)
    governed.take(1)
    governed.end(1, Reason.CANCELLED)
    assert governed.later(0) == ["2"]


@pytest.mark.parametrize(
    "reason", [Reason.BODY_TOO_LARGE, Reason.INTERNAL, Reason.TARGET_DENIED, Reason.DISK_FULL]
)
def test_what_is_not_the_target_s_fault_is_not_counted(reason: Reason) -> None:
    governed = Governed(breaker=Breaker(1, SECOND))
    governed.take(0)
    governed.end(0, reason)
    assert governed.breakers() == [BreakerState.CLOSED]


def test_it_can_fail_what_would_have_to_wait() -> None:
    governed = Governed("1/s", breaker=Breaker(1, SECOND), fails=True)
    assert governed.take(0, 1) == [0]
    assert governed.held == ["1"]
    governed.end(0, FAILED)
    assert governed.later(0) == ["1"], "to fail as well"
    assert governed.take(2) == []
    ((name, error),) = governed.refused
    assert (name, error.reason) == ("2", Reason.BREAKER_OPEN)
    assert error.message.startswith("a.test:80 failed 1 times in a row")


def test_targets_that_nothing_is_to_be_told_of_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_KNOWN", 3)
    governed = Governed(breaker=Breaker(9, SECOND))
    for index, host in enumerate("abc"):
        governed.take(index, host=host)
    governed.end(0, FAILED)
    governed.end(1)
    governed.take(3, host="d")
    assert [state.host for state in governed.governor.states()] == ["a", "c", "d"]


def test_one_whose_plan_can_t_be_read_goes_on_to_where_that_is_told() -> None:
    governed = Governed("1/s")
    damaged = replay(0, "a.test")._replace(plan=b"\xff")
    assert governed.governor.admit([damaged]) == [damaged]
    governed.end(0, Reason.INTERNAL)


# While it runs


def test_another_rate_holds_for_what_waits_already() -> None:
    governed = Governed("1/m")
    governed.take(0, 1, 2)
    governed.governor.limit(Pattern.parse("a.test"), SECOND // 2)
    governed.governor.limit(None, 0)
    assert governed.later(0.4) == []
    assert governed.later(0.1) == ["1"]
    assert governed.take(1) == [1]
    assert governed.take(*range(10, 20), host="b.test") == list(range(10, 20))
    governed.governor.limit(Pattern.parse("a.test"), 0)
    assert governed.later(0) == ["2"]
    assert governed.notes == [Reason.UNSPECIFIED] * 3


def test_a_breaker_can_be_closed_by_hand() -> None:
    governed = Governed(breaker=Breaker(1, 3600 * SECOND))
    for index, host in enumerate(("a.test", "b.test")):
        governed.take(index, host=host)
        governed.end(index, FAILED)
        governed.take(index + 10, host=host)
    governed.governor.close_breakers(Pattern.parse("a.test:80"))
    assert governed.breakers() == [BreakerState.CLOSED, BreakerState.OPEN]
    assert governed.later(0) == ["10"]
    governed.governor.close_breakers(None)
    assert governed.later(0) == ["11"]
    assert governed.notes[-1] is Reason.BREAKER_CLOSED


# With the thread


def governing(*rates: str, breaker: Breaker = NO_BREAKER, fails: bool = False) -> GovernorSettings:
    return GovernorSettings(parse_limits(rates, "--target-rate", parse_rate), breaker, fails)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_replays_begin_at_the_rate_in_their_order(concurrency: int) -> None:
    with (
        ScriptedServer(*[answers(*[OK] * 6)] * 6) as server,
        Replaying(concurrency=concurrency, governed=governing("50/s")) as replaying,
    ):
        ended = replaying.run(*(flow(server.port, path=b"/%d" % n) for n in range(6)))
        begun = [event.response.timings.start_time.ToNanoseconds() for event in ended]
        assert begun == sorted(begun)
        # The first few may make up for a moment in which the thread was busy.
        assert begun[-1] - begun[0] >= 5 * SECOND // 50 - SECOND // 20


def test_a_target_that_is_left_alone_holds_up_no_other_and_then_all_of_it_is_sent() -> None:
    breaker = Breaker(1, SECOND // 5)
    with (
        ScriptedServer(answers(b""), *[answers(*[OK] * 9)] * 9) as failing,
        ScriptedServer(*[answers(*[OK] * 9)] * 9) as other,
        Replaying(concurrency=2, governed=governing(breaker=breaker)) as replaying,
    ):
        (first,) = replaying.run(flow(failing.port))
        assert first.error.reason == reason_pb2.REASON_CLOSED_EARLY
        batch = replaying.enqueue(
            *(flow(failing.port) for _ in range(5)), *(flow(other.port) for _ in range(5))
        )
        ended = replaying.outcomes(batch, 10)
        order = [
            event.response.url.decode() for event in replaying.events() if event.batch_id == batch
        ]
        assert all(event.HasField("response") for event in ended)
        answered = [url for url in order if url]
        assert all(f":{other.port}/" in url for url in answered[:5])
        logged = [event.log.reason for event in replaying.events() if event.HasField("log")]
        assert logged == [reason_pb2.REASON_BREAKER_OPEN, reason_pb2.REASON_BREAKER_CLOSED]


def test_in_strict_order_the_queue_waits_and_a_clear_lets_it_go_on() -> None:
    breaker = Breaker(1, 3600 * SECOND)
    with (
        ScriptedServer(silent) as failing,
        ScriptedServer(answers(OK)) as other,
        Replaying(governed=governing(breaker=breaker), read_timeout=0.1) as replaying,
    ):
        replaying.run(flow(failing.port))
        barred = replaying.enqueue(flow(failing.port))
        behind = replaying.enqueue(flow(other.port))
        replaying.wait(lambda: replaying.thread.targets()[0].breaker is BreakerState.OPEN)
        assert replaying.journal.count("").queued == 2
        replaying.journal.clear(barred, 1)
        (ended,) = replaying.outcomes(behind, 1)
        assert ended.response.head.status_code == 200


def test_what_is_refused_fails_unsent() -> None:
    settings = governing(breaker=Breaker(1, 3600 * SECOND), fails=True)
    with (
        ScriptedServer(silent) as server,
        Replaying(governed=settings, read_timeout=0.1) as replaying,
    ):
        first, second = replaying.run(flow(server.port), flow(server.port))
        assert first.error.state == second.error.state == event_pb2.REPLAY_STATE_FAILED
        assert second.error.reason == reason_pb2.REASON_BREAKER_OPEN
        replaying.wait(lambda: bool(server.peers))
        assert len(server.peers) == 1


def test_a_rate_can_be_set_where_there_was_none() -> None:
    with ScriptedServer(answers(*[OK] * 9)) as server, Replaying() as replaying:
        replaying.run(flow(server.port))
        assert replaying.thread.targets() == ()
        told = threading.Event()
        replaying.thread.limit_targets(None, SECOND // 50, told.set, told.set, close_breakers=True)
        assert told.wait(DEADLINE)
        ended = replaying.run(*(flow(server.port) for _ in range(5)))
        begun = [event.response.timings.start_time.ToNanoseconds() for event in ended]
        assert begun[-1] - begun[0] >= 4 * SECOND // 50 - SECOND // 20
        assert [log.message for log in replaying.logs()] == [
            "50 replays a second may begin to each other target from now on"
        ]

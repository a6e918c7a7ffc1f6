"""SetTargetLimit: what is asked for, and that the thread has it before the answer."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
from flowreplay.v1 import replay_pb2

from replayd.model.target_state import BreakerState, TargetState
from replayd.reasons import Reason
from tests.rpc.harness import DEADLINE, ends_with, serving


def test_the_thread_has_it_before_the_answer(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as served, asyncio.timeout(DEADLINE):
            served.thread.states = [TargetState("h", 80, 0, 0, 0, 0, BreakerState.CLOSED, 0)]
            for fields in (
                {"pattern": "*.test:81", "rate_limit": 0.5},
                {"rate_limit": 0},
                {"pattern": "h", "close_breaker": True},
            ):
                request = replay_pb2.SetTargetLimitRequest(**fields)  # type: ignore[arg-type]
                answer = await served.stub.SetTargetLimit(request)
                assert [target.host for target in answer.targets] == ["h"]
                assert answer.cursor
            assert served.thread.limits == [
                ("*.test:81", 2 * 10**9, False),
                (None, 0, False),
                ("h", None, True),
            ]

    asyncio.run(test())


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as served, asyncio.timeout(DEADLINE):
            cases: list[tuple[dict[str, Any], str]] = [
                ({"pattern": "h"}, "rate_limit"),
                ({"pattern": "a/b", "rate_limit": 1}, "pattern"),
                ({"rate_limit": -1}, "rate_limit"),
                ({"rate_limit": 0.0001}, "rate_limit"),
                ({"rate_limit": 2e6}, "rate_limit"),
                ({"rate_limit": float("nan")}, "rate_limit"),
            ]
            for fields, field in cases:
                with ends_with(
                    grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS
                ) as metadata:
                    await served.stub.SetTargetLimit(replay_pb2.SetTargetLimitRequest(**fields))
                assert metadata == {"field": field}
            assert served.thread.limits == []

    asyncio.run(test())


def test_nobody_waits_for_a_thread_that_has_ended(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as served, asyncio.timeout(DEADLINE):
            served.thread.has_ended = True
            with ends_with(grpc.StatusCode.UNAVAILABLE, Reason.DAEMON_STOPPING):
                await served.stub.SetTargetLimit(replay_pb2.SetTargetLimitRequest(rate_limit=1))

    asyncio.run(test())

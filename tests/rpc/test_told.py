"""Waiting for what the replay thread tells: it tells, it has ended, or nobody waits any more."""

import asyncio
from collections.abc import Callable

import pytest

from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.rpc.told import told_by_thread

Function = Callable[..., object]


def test_what_it_tells_is_returned() -> None:
    async def test() -> None:
        assert await told_by_thread(lambda told, _: told(7)) == 7

    asyncio.run(test())


def test_one_that_has_ended_is_told() -> None:
    async def test() -> None:
        with pytest.raises(ReplaydError) as caught:
            await told_by_thread(lambda _, missed: missed())
        assert caught.value.reason is Reason.DAEMON_STOPPING

    asyncio.run(test())


@pytest.mark.parametrize("late", [0, 1])
def test_a_call_that_was_given_up_hears_nothing(late: int) -> None:
    async def test() -> None:
        asked: list[tuple[Function, Function]] = []
        call = asyncio.create_task(told_by_thread(lambda *both: asked.append(both)))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        told, missed = asked[0]
        (lambda: told(7), missed)[late]()
        await asyncio.sleep(0)

    asyncio.run(test())

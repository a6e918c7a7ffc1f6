"""Work that a stop gives up: it is told apart from a call that was given up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.rpc.under_way import MAX_CALLS, UnderWay


def run(test: Callable[[UnderWay[int]], Awaitable[None]]) -> None:
    async def main() -> None:
        await test(UnderWay("all of it"))

    asyncio.run(main())


async def answer() -> int:
    return 42


async def never() -> int:
    await asyncio.Event().wait()
    return 0


def test_work_that_ends_is_no_longer_under_way() -> None:
    async def test(under_way: UnderWay[int]) -> None:
        task = under_way.begin(answer())
        assert len(under_way) == 1
        assert await under_way.result(task) == 42
        await asyncio.sleep(0)
        assert not under_way

    run(test)


def test_a_stop_ends_it_and_waits() -> None:
    async def test(under_way: UnderWay[int]) -> None:
        task = under_way.begin(never())
        waiting = asyncio.ensure_future(under_way.result(task))
        await asyncio.sleep(0)
        await under_way.stop()
        assert task.cancelled()
        with pytest.raises(ReplaydError, match="all of it") as caught:
            await waiting
        assert caught.value.reason is Reason.DAEMON_STOPPING

    run(test)


def test_a_call_that_is_given_up_gives_up_its_work() -> None:
    async def test(under_way: UnderWay[int]) -> None:
        task = under_way.begin(never())
        waiting = asyncio.ensure_future(under_way.result(task))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert task.cancelled()

    run(test)


def test_a_stop_of_nothing() -> None:
    async def test(under_way: UnderWay[int]) -> None:
        await under_way.stop()

    run(test)


def test_one_too_many_is_refused_and_never_begun() -> None:
    async def test(under_way: UnderWay[int]) -> None:
        tasks = [under_way.begin(never()) for _ in range(MAX_CALLS)]
        with pytest.raises(ReplaydError) as caught:
            under_way.begin(never())
        assert caught.value.reason is Reason.TOO_MANY_CALLS
        tasks[0].cancel()
        await asyncio.wait({tasks[0]})
        under_way.begin(never())
        await under_way.stop()

    run(test)

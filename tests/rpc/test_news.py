"""Waiting for news: all are woken, a few at a time, and not too often."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from unittest.mock import patch

import pytest

from replayd.rpc import news
from replayd.rpc.news import SLICE, News

FAR = 1000.0
"""Seconds that no test waits."""


def run(test: Callable[[News], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await test(News())

    # A call from another thread that is not safe is an error then.
    asyncio.run(main(), debug=True)


async def waiting(told: News, number: int) -> "list[asyncio.Task[bool]]":
    """So many that wait already."""
    until = asyncio.get_running_loop().time() + FAR
    tasks = [asyncio.create_task(told.wait(told.number, until)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


def test_all_who_wait_are_woken_by_a_ring_in_any_thread() -> None:
    async def test(told: News) -> None:
        tasks = await waiting(told, 3)
        await asyncio.to_thread(told.ring)
        assert await asyncio.gather(*tasks) == [True] * 3
        assert told.number == 1

    run(test)


def test_news_of_before_the_wait_count() -> None:
    async def test(told: News) -> None:
        before = told.number
        told.ring()
        while told.number == before:
            await asyncio.sleep(0)
        assert await told.wait(before, 0.0)

    run(test)


def test_the_time_may_come_first_and_leaves_nothing() -> None:
    async def test(told: News) -> None:
        assert not await told.wait(told.number, asyncio.get_running_loop().time())
        assert not told._waiting

    run(test)


def test_who_gives_up_leaves_nothing() -> None:
    async def test(told: News) -> None:
        (task,) = await waiting(told, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not told._waiting
        told.ring()
        while not told.number:
            await asyncio.sleep(0)

    run(test)


def test_a_few_are_woken_in_each_pass_of_the_loop() -> None:
    async def test(told: News) -> None:
        tasks = await waiting(told, 3 * SLICE)
        told.ring()
        done = [0]
        while done[-1] < len(tasks):
            await asyncio.sleep(0)
            done.append(sum(task.done() for task in tasks))
        steps = [after - before for before, after in pairwise(done)]
        assert max(steps) == SLICE

    run(test)


def test_those_who_wait_are_not_woken_again_at_once() -> None:
    async def test(told: News) -> None:
        tasks = await waiting(told, 1)
        with patch.object(news, "PACE", FAR):
            told.ring()
            await asyncio.gather(*tasks)
        told.ring()
        soon = asyncio.get_running_loop().time() + 0.01
        assert not await told.wait(told.number, soon), "it is not time yet"

    run(test)


def test_what_came_meanwhile_wakes_them_when_it_is_time() -> None:
    async def test(told: News) -> None:
        tasks = await waiting(told, 1)
        with patch.object(news, "PACE", 0.02):
            told.ring()
            await asyncio.gather(*tasks)
        told.ring()
        assert await told.wait(told.number, asyncio.get_running_loop().time() + FAR)

    run(test)

"""The line for decoders: fair between clients, in order within one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from replayd.intake.turns import Turns


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(limited())


async def line(turns: Turns, clients: Iterable[str]) -> tuple[list[str], list[asyncio.Task[None]]]:
    """Has them wait in this order; returns who was served so far, kept up to date."""
    served: list[str] = []

    async def wait(name: str) -> None:
        await turns.take(name[0])
        served.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in clients]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return served, tasks


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_there_are_so_many_and_then_one_waits() -> None:
    async def test() -> None:
        turns = Turns(2)
        served, tasks = await line(turns, ["a1", "a2", "a3"])
        assert served == ["a1", "a2"]
        turns.give_back("a")
        await asyncio.gather(*tasks)
        assert served == ["a1", "a2", "a3"]

    run(test)


def test_who_has_few_comes_before_who_has_many() -> None:
    async def test() -> None:
        turns = Turns(2)
        served, _ = await line(turns, ["a1", "a2", "a3", "a4", "a5", "b1", "c1", "b2"])
        for holder in "aaabc":
            turns.give_back(holder)
            await settle()
        assert served == ["a1", "a2", "b1", "a3", "c1", "b2", "a4"]

    run(test)


def test_who_gives_up_leaves_the_line() -> None:
    async def test() -> None:
        turns = Turns(1)
        served, tasks = await line(turns, ["a1", "b1", "c1"])
        tasks[1].cancel()
        await settle()
        turns.give_back("a")
        await settle()
        assert served == ["a1", "c1"]

    run(test)


def test_a_turn_that_came_to_who_gave_up_is_given_on() -> None:
    async def test() -> None:
        turns = Turns(1)
        served, tasks = await line(turns, ["a1", "b1", "c1"])
        turns.give_back("a")
        tasks[1].cancel()
        await settle()
        assert served == ["a1", "c1"]

    run(test)

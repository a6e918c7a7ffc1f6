import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from replayd.stopping import Stop

DEADLINE = 30.0


def run(test: Callable[[Stop], Awaitable[None]]) -> None:
    async def caught() -> None:
        stop = Stop()
        stop.catch_signals()
        async with asyncio.timeout(DEADLINE):
            await test(stop)

    asyncio.run(caught())


async def nothing() -> None:
    """A step that is done at once."""


def test_the_first_signal_asks_and_the_second_hurries() -> None:
    async def test(stop: Stop) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.asked()
        assert not stop.hurried
        waiting = asyncio.Event()
        os.kill(os.getpid(), signal.SIGINT)
        step = await stop.unless_hurried(waiting.wait())
        assert stop.hurried
        assert not step.done()
        waiting.set()
        await step

    run(test)


def test_a_step_of_the_stop_is_waited_for() -> None:
    async def test(stop: Stop) -> None:
        assert (await stop.unless_hurried(nothing())).done()

    run(test)


def test_a_signal_gives_up_a_step_of_the_start() -> None:
    async def test(stop: Stop) -> None:
        assert await stop.before(nothing())
        given_up = asyncio.Event()

        async def endless() -> None:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.Event().wait()
            finally:
                given_up.set()

        assert not await stop.before(endless())
        assert given_up.is_set()
        assert not await stop.before(nothing()), "a signal before it counts, too"

    run(test)


def test_at_once_is_asked_without_a_signal() -> None:
    async def test(stop: Stop) -> None:
        stop.at_once()
        await stop.asked()
        assert stop.hurried

    run(test)

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from flowreplay.v1 import replay_pb2 as pb
from flowreplay_client import EventsCompacted, ReplaydClientError, Unreachable, aio, request_flow

from tests.clients.flowreplay_client.test_watch import HELLO, starts
from tests.support.daemon import Daemon
from tests.support.fake_daemon import COMPACTED, FOREIGN, HANG, STOPPING, FakeDaemon, events
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder


def run(address: str, use: Callable[[aio.Client], Awaitable[None]], timeout: float = 5.0) -> None:
    async def main() -> None:
        async with asyncio.timeout(DEADLINE), aio.connect(address, timeout=timeout) as client:
            await use(client)

    asyncio.run(main())


def test_it_goes_on_after_a_restart_until_idle(fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, events(1, 2), STOPPING])
    fake.watches.append([events(cursor="2", paused=True), events(2, 3)])
    lost: list[ReplaydClientError] = []
    returns: list[int] = []

    async def use(client: aio.Client) -> None:
        watching = client.watch(
            on_interruption=lost.append, on_return=lambda: returns.append(len(lost))
        )
        async with await watching as watch:
            assert [event.sequence async for event in watch] == [1, 2, 3]
            assert (watch.cursor, watch.paused) == ("3", False)

    run(fake.address, use)
    assert starts(fake) == [pb.START_POSITION_NOW, "2"]
    assert [error.reason for error in lost] == ["DAEMON_STOPPING"]
    assert returns == [1]


def test_it_is_watching_when_it_returns(fake: FakeDaemon) -> None:
    fake.watches.append([events(cursor="7", paused=True), HANG])

    async def use(client: aio.Client) -> None:
        async with await client.watch() as watch:
            assert (watch.cursor, watch.paused) == ("7", True)

    run(fake.address, use)


def test_gaps_are_skipped_when_asked(fake: FakeDaemon) -> None:
    fake.watches.append([COMPACTED])
    fake.watches.append([events(cursor="4"), events(5)])

    async def use(client: aio.Client) -> None:
        async with await client.watch(start="c", skip_gaps=True) as watch:
            assert [event.sequence async for event in watch] == [5]

    run(fake.address, use)


def test_errors_are_those_of_the_library(fake: FakeDaemon) -> None:
    fake.watches.extend([[COMPACTED], [FOREIGN], [], [HELLO, FOREIGN]])

    async def use(client: aio.Client) -> None:
        with pytest.raises(EventsCompacted):
            await client.watch(start="c")
        with pytest.raises(ReplaydClientError) as caught:
            await client.watch(start="c")
        assert caught.value.reason == "CURSOR_FOREIGN"
        with pytest.raises(ReplaydClientError, match="is it a replayd"):
            await client.watch()
        watch = await client.watch()
        with pytest.raises(ReplaydClientError):
            await anext(watch)

    run(fake.address, use)


def test_a_daemon_that_says_nothing_is_late(fake: FakeDaemon) -> None:
    fake.watches.append([HANG])

    async def use(client: aio.Client) -> None:
        with pytest.raises(Unreachable, match="did not answer in time"):
            await client.watch()

    run(fake.address, use, timeout=0.05)


@pytest.mark.parametrize("script", [[HELLO, events(1), HANG], [HELLO, events(1), STOPPING]])
def test_another_task_may_close_it(fake: FakeDaemon, script: list[pb.WatchEventsResponse]) -> None:
    fake.watches.append([*script])

    async def use(client: aio.Client) -> None:
        watch = await client.watch(on_interruption=lambda _error: watch.close())
        assert (await anext(watch)).sequence == 1

        async def rest() -> list[object]:
            return [event async for event in watch]

        reader = asyncio.create_task(rest())
        # Not before the reader waits: a turn of the loop for it to begin.
        asyncio.get_running_loop().call_soon(
            lambda: asyncio.get_running_loop().call_soon(watch.close)
        )
        assert await reader == []

    run(fake.address, use)


def test_a_cancelled_reader_is_cancelled(fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, HANG])

    async def use(client: aio.Client) -> None:
        async with await client.watch() as watch:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(watch)

    run(fake.address, use)


def test_a_real_daemon_is_followed(daemon: Daemon, target: Recorder) -> None:
    flows = [request_flow("GET", f"http://{target.address}/") for _ in range(3)]
    kinds: list[str | None] = []

    async def use(client: aio.Client) -> None:
        batch = await client.enqueue(flows)
        watch = await client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True)
        kinds.extend([event.WhichOneof("payload") async for event in watch])

    run(daemon.address, use)
    assert (kinds.count("request"), kinds.count("response")) == (3, 3)


def test_a_reader_that_is_cancelled_after_a_close_is_cancelled(fake: FakeDaemon) -> None:
    fake.watches.append([HELLO, HANG])

    async def use(client: aio.Client) -> None:
        watch = await client.watch()

        def close_and_cancel() -> None:
            watch.close()
            reader.cancel()

        reader = asyncio.create_task(anext_of(watch))
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(close_and_cancel))
        with pytest.raises(asyncio.CancelledError):
            await reader

    run(fake.address, use)


async def anext_of(watch: aio.Watch) -> None:
    await anext(watch)

"""What differs, for asyncio."""

import asyncio

import pytest
from flowreplay_client import ReplaydClientError, Unreachable, aio

from tests.clients.flowreplay_client.test_diffs import BEGUN, FIRST, LAST, UNKNOWN
from tests.support.fake_daemon import HANG, STOPPING, DiffStep, FakeDaemon


def diffed(fake: FakeDaemon, *steps: DiffStep, timeout: float = 5) -> tuple[list[str], int, int]:
    fake.diffs.append(list(steps))

    async def collect() -> tuple[list[str], int, int]:
        async with (
            aio.connect(fake.address, timeout=timeout) as client,
            await client.diff("b") as diffs,
        ):
            found = [diff.replay_id async for diff in diffs]
            return found, diffs.compared_count, diffs.left_out_count

    return asyncio.run(collect())


def test_it_yields_what_differs_and_counts(fake: FakeDaemon) -> None:
    assert diffed(fake, BEGUN, FIRST, LAST) == (["b.0", "b.3"], 9, 1)


def test_errors_are_those_of_the_library(fake: FakeDaemon) -> None:
    with pytest.raises(Unreachable, match="stopping"):
        diffed(fake, BEGUN, FIRST, STOPPING)
    with pytest.raises(ReplaydClientError) as caught:
        diffed(fake, UNKNOWN)
    assert caught.value.reason == "BATCH_NOT_FOUND"
    with pytest.raises(Unreachable, match="did not answer in time"):
        diffed(fake, HANG, timeout=0.1)
    with pytest.raises(ReplaydClientError, match="without a word"):
        diffed(fake)

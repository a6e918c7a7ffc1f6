"""A copy of the journal, for asyncio."""

import asyncio

import pytest
from flowreplay.v1.journal_pb2 import BackUpResponse
from flowreplay_client import ReplaydClientError, Unreachable, aio

from tests.clients.flowreplay_client.test_backup import BEGUN, DONE, GROWN, NOT_EMPTY
from tests.support.fake_daemon import HANG, STOPPING, CopyStep, FakeDaemon


def back_up(
    fake: FakeDaemon, *steps: CopyStep, timeout: float = 5
) -> tuple[BackUpResponse, list[int]]:
    fake.copies.append(list(steps))
    told: list[int] = []

    async def call() -> BackUpResponse:
        async with aio.connect(fake.address, timeout=timeout) as client:
            return await client.back_up("/copy", progress=lambda copied, _: told.append(copied))

    return asyncio.run(call()), told


def test_it_ends_with_the_last_response(fake: FakeDaemon) -> None:
    assert back_up(fake, BEGUN, GROWN, DONE) == (DONE, [0, 5])


def test_errors_are_those_of_the_library(fake: FakeDaemon) -> None:
    with pytest.raises(Unreachable, match="stopping"):
        back_up(fake, BEGUN, STOPPING)
    with pytest.raises(ReplaydClientError, match="without a word"):
        back_up(fake, BEGUN)
    with pytest.raises(ReplaydClientError) as caught:
        back_up(fake, NOT_EMPTY)
    assert caught.value.reason == "INVALID_OPTIONS"
    with pytest.raises(Unreachable, match="did not answer in time"):
        back_up(fake, HANG, timeout=0.1)

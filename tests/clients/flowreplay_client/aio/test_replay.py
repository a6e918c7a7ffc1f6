"""All that is kept of one replay, for asyncio."""

import asyncio

import pytest
from flowreplay_client import ReplaydClientError, Unreachable, aio

from tests.clients.flowreplay_client.test_replay import DETAILS, UNKNOWN, piece
from tests.support.fake_daemon import HANG, STOPPING, FakeDaemon, KeptStep


def kept(fake: FakeDaemon, *steps: KeptStep, timeout: float = 5) -> tuple[bool, bytes]:
    fake.kept.append(list(steps))

    async def collect() -> tuple[bool, bytes]:
        async with (
            aio.connect(fake.address, timeout=timeout) as client,
            await client.replay("b.1", ["response"]) as replay,
        ):
            return replay.details.recorded_messages_truncated, b"".join(
                [each.data async for each in replay]
            )

    return asyncio.run(collect())


def test_details_come_first_then_the_pieces(fake: FakeDaemon) -> None:
    assert kept(fake, DETAILS, piece(b"ab"), piece(b"c", last=True)) == (True, b"abc")


def test_errors_are_those_of_the_library(fake: FakeDaemon) -> None:
    with pytest.raises(ReplaydClientError) as caught:
        kept(fake, UNKNOWN)
    assert caught.value.reason == "REPLAY_NOT_FOUND"
    with pytest.raises(Unreachable, match="stopping"):
        kept(fake, DETAILS, STOPPING)
    with pytest.raises(Unreachable, match="did not answer in time"):
        kept(fake, HANG, timeout=0.1)
    with pytest.raises(ReplaydClientError, match="without a word"):
        kept(fake)

"""The export for asyncio."""

import asyncio

import pytest
from flowreplay_client import ReplaydClientError, Unreachable, aio

from tests.clients.flowreplay_client.test_export import BEGUN, UNKNOWN, chunk
from tests.support.fake_daemon import HANG, STOPPING, ExportStep, FakeDaemon


def export(fake: FakeDaemon, *steps: ExportStep, timeout: float = 5) -> tuple[bytes, int, int]:
    fake.exports.append(list(steps))

    async def collect() -> tuple[bytes, int, int]:
        async with (
            aio.connect(fake.address, timeout=timeout) as client,
            await client.export("b", "goreplay") as export,
        ):
            data = b"".join([piece async for piece in export])
            return data, export.exported_count, export.left_out_count

    return asyncio.run(collect())


def test_it_yields_the_bytes_and_counts(fake: FakeDaemon) -> None:
    steps = (BEGUN, chunk(b"ab", 1), chunk(b"c", 2), chunk(b"", 2, 3))
    assert export(fake, *steps) == (b"abc", 2, 3)


def test_what_breaks_off_does_not_look_whole(fake: FakeDaemon) -> None:
    with pytest.raises(Unreachable, match="stopping"):
        export(fake, BEGUN, chunk(b"ab", 1), STOPPING)


def test_errors_are_those_of_the_library(fake: FakeDaemon) -> None:
    with pytest.raises(ReplaydClientError) as caught:
        export(fake, UNKNOWN)
    assert caught.value.reason == "BATCH_NOT_FOUND"
    with pytest.raises(Unreachable, match="did not answer in time"):
        export(fake, HANG, timeout=0.1)
    with pytest.raises(ReplaydClientError, match="without a word"):
        export(fake)

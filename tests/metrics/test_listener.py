"""The figures' listener as the daemon starts it."""

import asyncio
import logging

import pytest

from replayd.journal.memory import open_memory
from replayd.metrics.listener import Metrics
from tests.metrics.test_figures import NOW, sources


@pytest.mark.parametrize("beyond", [False, True])
def test_an_address_that_others_reach_is_said_loudly(
    caplog: pytest.LogCaptureFixture, beyond: bool
) -> None:
    journal = open_memory(NOW)

    async def start() -> None:
        metrics = Metrics("127.0.0.1", 0, beyond_machine=beyond)
        await metrics.start(journal, sources())
        await metrics.stop()

    with caplog.at_level(logging.INFO):
        asyncio.run(start())
    journal.close()
    warned = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert ["without a token" in line for line in warned] == [True] * beyond
    assert "metrics on http://127.0.0.1:" in caplog.text


def test_it_may_stop_before_it_starts() -> None:
    asyncio.run(Metrics("127.0.0.1", 0, beyond_machine=False).stop())

"""`--metrics-listen` as one part of the daemon."""

import logging

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from replayd.journal.interface import Journal
from replayd.metrics.figures import Figures, Sources
from replayd.metrics.http import MetricsServer

_log = logging.getLogger(__name__)


class Metrics:
    """The figures on an address of their own."""

    def __init__(self, host: str, port: int, *, beyond_machine: bool) -> None:
        """`beyond_machine`: whether others than this machine's programs reach it."""
        self._host = host
        self._port = port
        self._beyond_machine = beyond_machine
        self._server: MetricsServer | None = None

    async def start(self, journal: Journal, sources: Sources) -> None:
        """Answers from now on. Raises ConfigError."""
        registry = CollectorRegistry()
        registry.register(Figures(journal, sources))
        ProcessCollector(registry=registry)
        self._server = MetricsServer(lambda: generate_latest(registry), CONTENT_TYPE_LATEST)
        url = await self._server.start(self._host, self._port)
        _log.info("metrics on %s", url)
        if self._beyond_machine:
            _log.warning(
                "--metrics-listen %s: whoever reaches this address may read how much is queued, "
                "called and stored here, without a token and in the clear (no contents, targets "
                "or names); listen on 127.0.0.1 behind a proxy that asks who it is",
                url,
            )

    async def stop(self) -> None:
        """Answers no more; to be called before the journal is closed. Idempotent."""
        if self._server is not None:
            await self._server.stop()

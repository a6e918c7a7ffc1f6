"""What no process shows from outside: the daemon's steps when something fails."""

import asyncio
import logging
import resource
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from replayd import daemon
from replayd.config import Config
from replayd.errors import ConfigError, JournalError
from replayd.journal.memory import open_memory

LATER = {"grpc_reflection.v1alpha", "h11", "h2", "hpack", "replayd.planning.proxy", "wsproto"}
LATER |= {"replayd.access.certificates", "replayd.access.own_token", "replayd.planning.plan"}
LATER |= {"replayd.matching", "replayd.rewriting", "replayd.filters", "replayd.codings"}
LATER |= {"replayd.replay.governor", "replayd.planning.target_limits", "replayd.rpc.target_limit"}
LATER |= {"replayd.rpc.cancel", "replayd.journal.cancelling", "replayd.rpc.replay"}
LATER |= {"replayd.rpc.retry", "replayd.journal.retrying", "replayd.journal.resolving"}
LATER |= {"re2", "replayd.live", "replayd.replay.live_values"}
LATER |= {"brotli", "zstandard", "replayd.comparer", "replayd.comparing", "replayd.replay.compared"}
LATER |= {"prometheus_client", "replayd.metrics"}
LATER |= {"zlib_ng", "ssl", "_ssl", "replayd.wire.tls"}
"""What a daemon loads when it needs it: together as long as a third of the rest."""


def test_the_start_loads_nothing_that_may_never_be_needed() -> None:
    program = "import sys; from replayd.heap import load_asyncio; load_asyncio(); "
    program += "import replayd.daemon; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert not LATER & set(loaded.stdout.decode().split())


def test_a_closed_stdout_does_not_end_the_daemon(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        daemon._announce(["127.0.0.1:1"])
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()
    assert "can't be printed" in caplog.text


def test_it_takes_as_many_descriptors_as_it_may_have() -> None:
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most - 1, most))
    try:
        daemon.allow_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))


def test_a_stop_that_can_not_be_recorded_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    journal = open_memory(1)
    with (
        caplog.at_level(logging.ERROR),
        patch.object(journal, "commit", side_effect=JournalError("the disk is full")),
    ):
        daemon._say_stopping(journal)
    assert "the disk is full" in caplog.text
    journal.close()


def test_a_second_signal_ends_the_wait_for_calls() -> None:
    class Server:
        """Waits for a call that never ends."""

        graces: list[float] = []  # noqa: RUF012 - there is one

        async def stop(self, grace: float) -> None:
            self.graces.append(grace)
            if grace:
                while len(self.graces) < 2:
                    daemon_._stop.at_once()
                    await asyncio.sleep(0)

    daemon_ = daemon._Daemon(Config(ephemeral=True))
    asyncio.run(daemon_._stop_serving(Server()))  # type: ignore[arg-type]
    assert Server.graces == [daemon.STREAMS_GRACE, 0]


def test_after_a_second_signal_the_server_is_stopped_once() -> None:
    graces: list[float] = []

    class Server:
        """Takes some turns of the loop to stop."""

        async def stop(self, grace: float) -> None:
            graces.append(grace)
            for _ in range(9):
                await asyncio.sleep(0)

    daemon_ = daemon._Daemon(Config(ephemeral=True))
    daemon_._stop.at_once()
    asyncio.run(daemon_._stop_serving(Server()))  # type: ignore[arg-type]
    assert graces == [0]


@pytest.mark.parametrize(("count", "hurried"), [(1, False), (1, True), (0, False)])
def test_watchers_get_to_read_how_they_end(count: int, hurried: bool) -> None:
    told: list[str] = []

    class Watching:
        def __init__(self) -> None:
            self.count = count

        def stop(self, why: str) -> None:
            told.append(why)

    async def took() -> float:
        daemon_ = daemon._Daemon(Config(ephemeral=True))
        if hurried:
            daemon_._stop.at_once()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await daemon_._end_watches(Watching(), "why")  # type: ignore[arg-type]
        return loop.time() - began

    waited = asyncio.run(took()) >= daemon.READ_GRACE * 0.9
    assert told == ["why"]
    # Others may have had to wait for the machine.
    assert waited or not count or hurried


def test_metrics_without_their_package_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "replayd.metrics.listener", raising=False)
    with pytest.raises(ConfigError, match="pip install 'prometheus-client>=0"):
        daemon._Daemon(Config(ephemeral=True, metrics_listen="127.0.0.1:0"))


def test_metrics_without_an_address_have_no_parts() -> None:
    daemon_ = daemon._Daemon(Config(ephemeral=True))
    assert daemon_._metrics is None
    assert daemon_._calls is None

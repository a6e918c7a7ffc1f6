"""Fixtures for the clients: a fake daemon, a client on it, and a real daemon for all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flowreplay_client import Client, connect

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon
from tests.support.programs import ROOT
from tests.support.recorder import Recorder


@pytest.fixture
def fake() -> Iterator[FakeDaemon]:
    """A daemon that follows a script."""
    with FakeDaemon() as daemon:
        yield daemon


@pytest.fixture
def client(fake: FakeDaemon) -> Iterator[Client]:
    """A client of the fake."""
    with connect(fake.address) as client:
        yield client


@pytest.fixture(scope="session")
def daemon() -> Iterator[Daemon]:
    """A real daemon that the tests share: look only at batches of your own."""
    with Daemon("--ephemeral") as daemon:
        yield daemon


@pytest.fixture(scope="session")
def target() -> Iterator[Recorder]:
    """A server to replay against that says 200."""
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of captures."""
    return ROOT / "tests/data/captures"

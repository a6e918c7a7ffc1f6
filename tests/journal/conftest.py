"""The journals: what every implementation promises is tested on each."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from replayd.journal.sqlite import open_sqlite
from tests.support.journals import NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, folder: Path) -> Iterator[Journal]:
    """An empty journal of each kind."""
    opened = open_memory(NOW) if request.param == "memory" else open_sqlite(folder, NOW)
    yield opened
    opened.close()


@pytest.fixture
def stored(folder: Path) -> Iterator[Journal]:
    """An empty journal in `folder`."""
    opened = open_sqlite(folder, NOW)
    yield opened
    opened.close()


@pytest.fixture
def in_threads() -> Callable[[int, Callable[[], None]], None]:
    """Runs something in several threads at once; what one raises is raised."""

    def run(count: int, work: Callable[[], None]) -> None:
        with ThreadPoolExecutor(count) as pool:
            for done in [pool.submit(work) for _ in range(count)]:
                done.result()

    return run

"""`make demo` does what it says, and leaves nothing behind."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's tmp_path: a Unix socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_the_demo_runs_to_its_end(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py"],
        env=clean_environment(folder, TMPDIR=str(folder)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done
    assert done.stderr == ""
    assert "23 succeeded" in done.stdout
    assert "200 (recorded 500)" in done.stdout
    assert list(folder.iterdir()) == []

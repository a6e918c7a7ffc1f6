"""`make demo` does what it says, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

from tests.support.daemon import clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT


def test_the_demo_runs_to_its_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py"],
        env=clean_environment(tmp_path, TMPDIR=str(tmp_path)),
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
    assert list(tmp_path.iterdir()) == []

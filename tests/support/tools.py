"""The commands of `tools/` as `make` runs them."""

import subprocess
import sys
from pathlib import Path

from tests.support.daemon import clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT


def run_tool(
    module: str, *options: str, home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m module` to its end, whatever that is, with a home of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *options],
        cwd=ROOT,
        env=clean_environment(home, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE,
        check=False,
    )

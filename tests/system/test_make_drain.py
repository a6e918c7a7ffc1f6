"""`make drain` as one runs it, in a short form: real daemons, stopped at random moments."""

import subprocess
import sys
from pathlib import Path

from tests.support.daemon import clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT
from tools.drain.plan import plan


def test_nothing_is_in_doubt(tmp_path: Path) -> None:
    # Four runs with a signal at the start, in an Enqueue and in replays, and with two.
    seed = 141
    assert {plan(seed, n).moment for n in range(4)} == {"start", "enqueue", "run", "twice"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.drain", "--runs", "4", "--seed", str(seed)],
        cwd=ROOT,
        env=clean_environment(tmp_path, GRPC_VERBOSITY="NONE"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "nothing was wrong" in done.stdout

"""Peers whose network went away, with no word of an end, are let go in time."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import DEADLINE
from tests.support.programs import NEEDS, ROOT, find

WATCHERS = 20
KEEPALIVE = 0.4
"""Seconds of time, and of timeout; the daemon has 30 and 10."""


def test_watchers_that_are_cut_off_are_gone_in_time_and_others_stay() -> None:
    unshare = [find("unshare"), "--net"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"{NEEDS}unshare (and the right to make a network namespace)")
    command = [*unshare, sys.executable, "-m", "tests.support.half_open"]
    done = subprocess.run(
        [*command, str(WATCHERS), str(int(KEEPALIVE * 1000))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["stayed"] == WATCHERS, "while the network was there"
    # Twice their sum, and what a busy machine adds; without keepalive it is minutes.
    assert told["seconds"] < 2 * (2 * KEEPALIVE) + 5

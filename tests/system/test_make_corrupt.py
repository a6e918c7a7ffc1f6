"""`make corrupt`, short: nothing wrong is ever served, and that it would be noticed."""

import json
import subprocess
import sys

from tests.support.processes import DEADLINE
from tests.support.programs import ROOT


def corrupt(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.corrupt", "--json", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )


def test_nothing_wrong_is_served() -> None:
    done = corrupt("--count", "12", "--seed", "300")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["cases"], figures["wrong"], figures["seed"]) == (12, 0, 300)
    assert figures["found"] > 3


def test_without_checksums_it_is_noticed_that_wrong_payloads_are_served() -> None:
    done = corrupt("--count", "4", "--seed", "1", "--without-checksums")
    assert done.returncode == 1
    assert ".5 is another one" in done.stderr

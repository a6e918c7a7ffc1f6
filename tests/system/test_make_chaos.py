"""`make chaos` as one runs it, in its shortest form: some lives and deaths of a real daemon."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.daemon import clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT


def run(home: Path, *options: str, module: str = "tools.chaos") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *options],
        cwd=ROOT,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE,
        check=False,
    )


def test_it_finds_what_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, "an answer is another request's", module="tools.chaos.controls")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("\n1 of 1 found\n")


def test_the_books_balance(tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = run(
        tmp_path,
        # Of this seed a round ends with the first call that was answered.
        *("--seed", "147", "--rounds", "2", "--audit-every", "2", "--faults", "kill"),
        *("--clients", "1", "--watchers", "1", "--flows", "50", "--results", str(results)),
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    figures = json.loads(results.read_text())
    assert (figures["seeds"], figures["rounds"], figures["findings"]) == ([147], 2, {})
    assert (figures["kills"], figures["audits"]) == (2, 2)
    assert figures["acknowledged"] > 0
    assert figures["arrivals"] > 0
    assert figures["shown"] > 0

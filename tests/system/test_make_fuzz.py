"""`make fuzz` as one runs it: both engines, and what a finding looks like."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT

ATHERIS = ROOT / ".venv-fuzz" / "bin" / "python"


def run(
    home: Path, *options: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "tools.fuzz", "--findings", str(home / "found"), *options],
        cwd=ROOT,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )


def test_it_counts_inputs_and_says_their_seed(tmp_path: Path) -> None:
    done = run(tmp_path, "--seed", "7", "--count", "50", "--format", "curl", "--format", "saz")
    assert (done.returncode, done.stderr) == (0, "")
    seed, heading, curl, saz = done.stdout.splitlines()
    assert (seed, heading.split()[0]) == ("seed 7", "format")
    assert (curl.split()[:2], saz.split()[:2]) == (["curl", "50"], ["saz", "50"])


def test_one_input_is_enqueued_again(tmp_path: Path) -> None:
    capture = tmp_path / "capture"
    capture.write_bytes(b"curl a.test")
    done = run(tmp_path, "--replay", str(capture), "--format", "curl", "--sniff")
    assert (done.returncode, done.stdout) == (0, "accepted\n")
    assert "needs the --format" in run(tmp_path, "--replay", str(capture)).stderr


@pytest.mark.skipif(not ATHERIS.exists(), reason="make .venv-fuzz/.stamp installs atheris")
def test_atheris_looks_for_new_code(tmp_path: Path) -> None:
    given = ("--engine", "atheris", "--format", "http", "--count", "30", "--seed", "1")
    done = run(tmp_path, *given, python=str(ATHERIS))
    assert done.returncode == 0, done.stderr
    assert "Done 30 runs" in done.stderr
    assert any((tmp_path / "found" / "corpus-http").iterdir())

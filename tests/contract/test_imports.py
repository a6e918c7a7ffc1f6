"""Who may import whom: the rules of .importlinter hold, and they do see a breach."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.programs import ROOT

LINT = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the linter over the tree in `folder`."""
    path = ":".join(str(folder / part) for part in ("", "protos", "clients"))
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_rules_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_breach_is_seen(tmp_path: Path) -> None:
    for part in ("replayd", "protos", "clients"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    reasons = tmp_path / "replayd" / "reasons.py"
    reasons.write_text(reasons.read_text() + "\nimport replayd.model.flow\nimport socket\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "replayd.reasons -> replayd.model.flow" in done.stdout

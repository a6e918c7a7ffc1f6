"""Makes the locks, and checks them.

    python -m tools.locks              makes what is missing in tools/locks (`make lock`)
    python -m tools.locks --upgrade    the same with the newest versions that are allowed
    python -m tools.locks --check      fails where they don't fit pyproject.toml, lack a hash,
                                      or have a version of tools/locks/advisories.toml
    python -m tools.locks --audit      asks PyPI's vulnerability service, too (`make audit`)

Making needs uv, asking pip-audit: the environment of tools/locks/audit.txt has both.
Checking needs no network.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tools.locks.check import check
from tools.locks.table import FOLDER, LOCKS

ROOT = Path(__file__).resolve().parent.parent.parent


def make(upgrade: bool) -> None:
    """Makes all locks, in an order in which those that follow another come after it."""
    for name, lock in LOCKS.items():
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        command += ["--no-header", *lock.arguments(FOLDER), *(["--upgrade"] if upgrade else [])]
        command += ["--output-file", str(FOLDER / f"{name}.txt")]
        subprocess.run(command, cwd=ROOT, check=True)


def audit() -> bool:
    """Asks the vulnerability service about each lock; returns whether all is well."""
    well = True
    for name in LOCKS:
        print(f"{name}: asking", flush=True)
        command = [
            "pip-audit",
            "--strict",
            "--progress-spinner=off",
            "--disable-pip",
            "--require-hashes",
        ]
        command += ["--requirement", str(FOLDER / f"{name}.txt")]
        # Strict: it would pass what the service says nothing of.
        well &= subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    return well


def main() -> int:
    """Does what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description="Makes and checks the locks in tools/locks.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="only check, without a network")
    parser.add_argument("--audit", action="store_true", help="check, and ask PyPI, too")
    arguments = parser.parse_args()
    if not arguments.check and not arguments.audit:
        make(arguments.upgrade)
    found = check(ROOT)
    for each in found:
        print(each, file=sys.stderr)
    if found:
        print(
            "run `make lock`; where a version is vulnerable, raise its floor in pyproject.toml",
            file=sys.stderr,
        )
        return 1
    if arguments.audit and not audit():
        print("pip-audit found something, or could not ask: see above", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

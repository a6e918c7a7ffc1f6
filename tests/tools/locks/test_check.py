import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import ROOT
from tools.locks.check import check, problems, read_pins
from tools.locks.table import LOCKS, Lock

HASH = " --hash=sha256:" + "0" * 64

PROJECT: dict[str, Any] = {
    "project": {
        "name": "flowreplay",
        "dependencies": ["h11>=0.16"],
        "optional-dependencies": {
            "dev": ["flowreplay[test]", "ruff>=1"],
            "test": ["pytest>=8"],
            "plots": [],
        },
    },
    "dependency-groups": {"build": ["hatchling>=1.27"]},
}

GOOD = f"""
h11==0.16.0 \\
   {HASH} \\
   {HASH}
    # via flowreplay
hatchling==1.27{HASH}
PyTest==8.0{HASH}
ruff==1.0 ; python_full_version < '3.12'{HASH}
ruff==2.0 ; python_full_version >= '3.12'{HASH}
"""


def said(lock: str, **advisory: str) -> list[str]:
    return list(problems("dev", read_pins(lock), PROJECT, [advisory] if advisory else []))


def test_a_lock_that_fits_is_well() -> None:
    assert said(GOOD) == []
    assert [(pin.name, pin.hash_count) for pin in read_pins(GOOD)][:3] == [
        ("h11", 2),
        ("hatchling", 1),
        ("pytest", 1),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("h11==0.16.0", "h11==0.15.0", "dev: h11>=0.16 is asked for, and 0.15.0 is locked"),
        (f"PyTest==8.0{HASH}", "", "dev: pytest>=8 is asked for, and nothing of it is locked"),
        (f"hatchling==1.27{HASH}", "hatchling==1.27", "dev: hatchling has no hash"),
    ],
    ids=["too old", "missing", "no hash"],
)
def test_what_is_wrong_is_said(old: str, new: str, expected: str) -> None:
    assert said(GOOD.replace(old, new)) == [expected]


def test_a_vulnerable_version_is_found() -> None:
    assert said(GOOD, id="CVE-1", package="H11", affected="<0.17", what="leaks") == [
        "dev: H11 0.16.0 is locked and leaks (CVE-1)"
    ]


@pytest.mark.parametrize("line", ["h11>=0.16", "h11", "h11 @ file:///tmp/h11.whl"])
def test_what_pins_nothing_is_no_lock(line: str) -> None:
    with pytest.raises(ValueError, match="is not one version"):
        read_pins(line)


def test_ours_are_well() -> None:
    assert check(ROOT) == []


def test_a_lock_that_is_missing_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "tools/locks"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (folder / "advisories.toml").write_text("advisory = []")
    assert check(tmp_path)[0] == "dev: tools/locks/dev.txt is missing"


def test_the_lowest_lock_has_the_floors() -> None:
    """What pyproject.toml allows is what the run on the lowest versions proves."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = {
        pin.name: pin.version for pin in read_pins((ROOT / "tools/locks/lowest.txt").read_text())
    }
    for text in project["project"]["dependencies"]:
        name, floor = text.split(",")[0].split(">=")
        assert str(pins[name]) in (floor, f"{floor}.0"), text


def test_a_lock_says_what_uv_is_asked() -> None:
    lock = Lock(["test"], ["build"], like="dev", lowest=True)
    assert lock.arguments(Path("locks")) == [
        "--python-version=3.11",
        "pyproject.toml",
        "--extra=test",
        "--group=build",
        "--constraints",
        "locks/dev.txt",
        "--resolution=lowest-direct",
    ]
    assert set(LOCKS) == {path.stem for path in (ROOT / "tools/locks").glob("*.txt")}

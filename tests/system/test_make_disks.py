"""`make powercut` and `make diskfull` as one runs them, in their shortest form."""

import os
from pathlib import Path

import pytest

from tests.support.mounts import small_disk
from tests.support.programs import NEEDS, find
from tests.support.tools import run_tool


@pytest.fixture(autouse=True)
def _may_mount(tmp_path: Path) -> None:
    with small_disk(tmp_path / "tried", "1m"):
        pass


@pytest.fixture
def _loops() -> None:
    for name in ("mkfs.ext4", "e2fsck", "losetup"):
        find(name)
    if not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        pytest.skip(f"{NEEDS}loop devices")


def run(home: Path, module: str, *options: str) -> str:
    done = run_tool(f"tools.disks.{module}", *options, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.usefixtures("_loops")
def test_a_power_cut_loses_nothing(tmp_path: Path) -> None:
    said = run(tmp_path, "powercut", "--cuts", "1", "--seed", "4")
    assert "cuts 1 " in said
    assert "findings none" in said


@pytest.mark.usefixtures("_loops")
def test_what_a_journal_that_does_not_wait_loses_is_seen(tmp_path: Path) -> None:
    assert "caught" in run(
        tmp_path, "powercut", "--cuts", "5", "--seed", "3", "--control", "normal"
    )


def test_a_full_disk_stops_nothing_for_long(tmp_path: Path) -> None:
    said = run(tmp_path, "diskfull", "--cycles", "1", "--seed", "5")
    assert "cycles 1 " in said
    assert "findings none" in said

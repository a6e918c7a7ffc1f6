"""Fixtures that many tests share, and what becomes of skipped tests.

With REPLAYD_TEST_REQUIRE_ALL=1, as in CI, a skipped test is a failed one.
"""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from replayd.journal.sqlite import identity
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.disks import Disk
from tests.support.frozen_journals import HOME
from tests.support.programs import NEEDS
from tests.support.recorder import Recorder

REQUIRE_ALL = os.environ.get("REPLAYD_TEST_REQUIRE_ALL") == "1"

# The same examples in each run (`make fuzz` looks for new ones), however busy the machine is.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_configure() -> None:
    """Lets SIGINT mean something again to the processes that tests start.

    A shell that runs a command in the background has it, and its children, ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Has a copy of a folder taken for the same journal, as what a crash left of it; returns
    what would tell them apart.
    """
    really = identity.home_of
    monkeypatch.setattr(identity, "home_of", lambda *_: HOME)
    return really


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """What Python syncs goes here in place of the disk."""
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    monkeypatch.setattr(os, "fsync", disk.sync)
    return disk


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., Daemon]]:
    """Starts a daemon with `Daemon`'s arguments; it ends with the test."""
    with ExitStack() as stack:

        def start(*options: str, **arguments: Any) -> Daemon:
            return stack.enter_context(Daemon(*options, **arguments))

        yield start


@pytest.fixture
def start_recorder() -> Iterator[Callable[..., Recorder]]:
    """Starts a recorder with `Recorder`'s arguments; it ends with the test."""
    with ExitStack() as stack:

        def start(*arguments: Any, **named: Any) -> Recorder:
            return stack.enter_context(Recorder(*arguments, **named))

        yield start


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority for the run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip into a failure where everything must be there."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _require(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same where a whole module is skipped."""
    report = yield
    _require(report)
    return report


def _require(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, but REPLAYD_TEST_REQUIRE_ALL=1: {report.longrepr}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts the tests that were skipped because a real program is missing."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    missing = [reason.split(NEEDS)[1] for reason in reasons if NEEDS in reason]
    for name in sorted(set(missing)):
        terminalreporter.write_line(f"{missing.count(name)} skipped for want of {name}")

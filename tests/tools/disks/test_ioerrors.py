"""Errors of the disk, a few of each kind; a journal that does not wait for it must be caught."""

import apsw

from tools.disks.ioerrors import FAULTS, Disk, Injection, sweep


def test_no_error_breaks_a_promise() -> None:
    outcome = sweep(seed=4, count=len(FAULTS))
    assert outcome.broken == []
    assert (outcome.injected, outcome.missed) == (len(FAULTS), 0)
    assert outcome.refused > 0
    assert outcome.gave_up > 0


def test_a_journal_that_does_not_wait_for_the_disk_is_caught() -> None:
    assert sweep(seed=3, count=3, synchronous="NORMAL").broken


def test_which_calls_fail() -> None:
    once = Disk(Injection("sync", apsw.SQLITE_IOERR_FSYNC, 2, lasting=False))
    assert [bool(once.code("sync")) for _ in range(4)] == [False, True, False, False]
    assert not once.code("write")
    for_good = Disk(Injection("sync", apsw.SQLITE_IOERR_FSYNC, 2, lasting=True))
    assert [bool(for_good.code("sync")) for _ in range(4)] == [False, True, True, True]

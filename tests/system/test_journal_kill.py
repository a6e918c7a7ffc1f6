"""kill -9 at any moment: what was acknowledged is there, and the books balance.

A child works on a journal and tells on a pipe what it was told is durable. It is killed
after a number of such lines, chosen by seed, and another goes on where it stopped.
"""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from flowreplay.v1 import event_pb2

from replayd.journal.interface import Journal
from replayd.journal.sqlite import open_sqlite
from tests.support.journals import NOW, drain, read_all

ROUNDS = 8

CHILD = """
import sys
from pathlib import Path
from tests.support.journal_worker import work
work(Path(sys.argv[1]), int(sys.argv[2]))
"""


def run_child(folder: Path, seed: int) -> list[str]:
    """Runs a worker until it is killed; returns what it acknowledged."""
    lines = random.Random(seed).randrange(1, 120)
    command = [sys.executable, "-c", CHILD, str(folder), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        said += child.stdout.readlines()
    return [line.strip() for line in said if line.endswith("\n")]


def ends(event: event_pb2.Event) -> list[str]:
    """The replays that an event ends."""
    if event.WhichOneof("payload") in ("response", "error"):
        return [event.replay_id]
    if event.update.kind != event_pb2.UPDATE_KIND_CLEARED:
        return []
    return [
        f"{each.batch_id}.{index}"
        for each in event.update.ranges
        for index in range(each.first_index, each.last_index + 1)
    ]


def check(journal: Journal, said: list[str]) -> None:
    """What was said to be durable is there; every event has its number."""
    events = read_all(journal)
    assert [event.sequence for event in events] == list(range(1, journal.latest + 1))
    for event in events:
        assert event_pb2.Event.FromString(event.SerializeToString()) == event
    ended = Counter(name for event in events for name in ends(event))
    assert set(ended.values()) <= {1}
    for line in said:
        what, name = line.split()
        if what == "accepted":
            journal.count(name)
        elif what == "ended":
            assert ended[name] == 1
        elif what == "latest":
            assert journal.latest >= int(name)


@pytest.mark.parametrize("seed", range(3))
def test_books_balance_after_kills(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "data"
    said: list[str] = []
    for number in range(ROUNDS):
        said += run_child(folder, seed * 1000 + number)
        journal = open_sqlite(folder, NOW)
        check(journal, said)
        journal.close()
    assert sum(line.startswith("ended") for line in said) > 0
    journal = open_sqlite(folder, NOW)
    journal.pause(False, NOW)
    drain(journal, 8)
    counts = journal.count("")
    assert counts.idle
    ended = Counter(name for event in read_all(journal) for name in ends(event))
    queued = sum(
        event.update.replay_count
        for event in read_all(journal)
        if event.update.kind == event_pb2.UPDATE_KIND_QUEUED
    )
    total = counts.succeeded + counts.cleared + counts.interrupted
    assert sum(ended.values()) == queued == total
    journal.close()

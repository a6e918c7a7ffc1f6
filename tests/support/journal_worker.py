"""Works on a journal for ever, and says on stdout what it was told is durable."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.journal.sqlite import open_sqlite
from replayd.model.replay import Replay
from replayd.reasons import Reason
from tests.support.journals import NOW, enqueue, finish, row


class Worker:
    """Does one thing after another, as a seed has it."""

    def __init__(self, journal: Journal, seed: int) -> None:
        self.journal = journal
        self.random = random.Random(seed)
        self.name = f"s{seed}n"
        self.batches = 0
        self.open = ""
        self.rows = 0
        self.running: list[Replay] = []
        self.handed: list[str] = []

    def enqueue(self) -> None:
        self.batches += 1
        batch_id = f"{self.name}{self.batches}"
        rows = [
            row(
                index,
                f"session{self.random.randrange(9)}",
                idempotent=self.random.random() < 0.7,
                request_content=bytes(self.random.choice([0, 9, 300_000])),
            )
            for index in range(self.random.randrange(1, 30))
        ]
        enqueue(self.journal, batch_id, rows)
        say("accepted", batch_id)

    def extend(self) -> None:
        """Queues more of an open batch, which is closed sometimes."""
        if not self.open:
            self.batches += 1
            self.open, self.rows = f"{self.name}{self.batches}", 0
        try:
            if self.rows and self.random.random() < 0.3:
                self.journal.accept(self.open, now=NOW, answer=b"")
                self.open = ""
            else:
                rows = range(self.rows, self.rows + self.random.randrange(1, 9))
                idempotent = self.random.random() < 0.7
                content = bytes(self.random.choice([0, 9, 300_000]))
                self.journal.extend(
                    self.open,
                    [row(i, "s", idempotent=idempotent, request_content=content) for i in rows],
                    now=NOW,
                )
                self.rows = rows.stop
                say("accepted", self.open)
        except ReplaydError as error:
            if error.reason is not Reason.BATCH_CLEARED:
                raise
            self.journal.discard(self.open)
            self.open = ""

    def begin(self) -> None:
        taken = self.journal.take(4, NOW)
        self.journal.begin(taken)
        self.running += taken

    def finish(self) -> None:
        if self.running:
            replay = self.running.pop(self.random.randrange(len(self.running)))
            finish(self.journal, replay, content=bytes(self.random.choice([0, 9, 300_000])))
            self.handed.append(replay.key.replay_id)

    def commit(self) -> None:
        self.journal.commit()
        for name in self.handed:
            say("ended", name)
        self.handed.clear()
        say("latest", str(self.journal.latest))

    def clear(self) -> None:
        cleared = self.journal.clear("", NOW)
        for each in cleared.ranges:
            say("ended", f"{each.batch_id}.{each.first}")
            say("ended", f"{each.batch_id}.{each.last}")


def steps(worker: Worker) -> Iterator[Callable[[], None]]:
    """Yields what it does next, for ever."""
    often: list[Callable[[], None]] = [worker.begin, worker.finish, worker.finish, worker.commit]
    coming = [worker.enqueue, worker.extend, worker.extend]
    all_steps = [*often, *often, *often, *coming]
    while True:
        seldom = worker.random.random() < 0.02
        yield worker.clear if seldom else worker.random.choice(all_steps)


def work(folder: Path, seed: int) -> None:
    """Works until it is killed."""
    for step in steps(Worker(open_sqlite(folder, NOW), seed)):
        step()


def say(what: str, name: str) -> None:
    """One line, whole, whatever kills us next."""
    os.write(1, f"{what} {name}\n".encode())

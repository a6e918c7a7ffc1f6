"""Journals of each version of the schema, made by the code of that version, and what is in them.

`make freeze-journal` packs the one of the code that is here: a data folder as `kill -9` leaves
it, with tar and gzip.
"""

import io
import tarfile
import tempfile
from pathlib import Path

from replayd.journal.sqlite import identity, open_sqlite
from replayd.journal.sqlite.migrations import MIGRATIONS
from replayd.model.batch import Controls, Terms
from replayd.model.replay import ReplayState
from tests.support.journals import NOW, OPTIONS, enqueue, finish, row, run

FOLDER = Path(__file__).resolve().parent.parent / "data" / "journals"

HOME = "here"
"""What the tests name every folder: a copy is the same journal to them."""

LARGE = bytes(range(256)) * 1200
"""A content of 300 KiB: in a file, or in pieces of version 1."""


def freeze() -> bytes:
    """Makes an archive: a batch that has ended, one of which each replay is in another state,
    one that was cleared and one that only waits.
    """
    identity.home_of = lambda _: HOME
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "data"
        journal = open_sqlite(folder, NOW)
        journal.reserve("again", None)
        enqueue(
            journal,
            "ended",
            [row(0, recorded_content=b"recorded"), row(2, request_content=LARGE)],
            terms=Terms("first", options=OPTIONS, controls=Controls(priority=3, owner="me")),
            request_id="again",
            content_hash=b"hash",
        )
        run(journal, content=b"small")
        run(journal, content=LARGE)
        posts = [row(index, idempotent=False) for index in range(3)]
        enqueue(journal, "crashed", [*posts, row(3), row(4)])
        for _ in range(2):
            (failed,) = journal.take(1, NOW)
            journal.begin([failed])
            finish(journal, failed, ReplayState.FAILED)
        enqueue(journal, "cleared", [row(0), row(1)])
        journal.clear("cleared", NOW)
        enqueue(journal, "waits", [row(index) for index in range(3)])
        journal.pause(True, NOW)
        journal.pause(False, NOW)
        (interrupted,) = journal.take(1, NOW)
        journal.begin([interrupted])
        journal.commit()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path in sorted(folder.rglob("*")):
                if path.name != "lock" and not path.name.endswith("-shm"):
                    archive.add(path, path.relative_to(folder), recursive=False)
        journal.close()
    return packed.getvalue()


def thaw(version: str, folder: Path) -> None:
    """Unpacks the journal of a version into a folder that is not there yet."""
    folder.mkdir(mode=0o700)
    with tarfile.open(FOLDER / f"version-{version}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    (folder / "blobs").chmod(0o700)


if __name__ == "__main__":
    (FOLDER / f"version-{len(MIGRATIONS)}.tar.gz").write_bytes(freeze())

"""A store in one SQLite database, with the largest contents in files beside it."""

import logging
import struct
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw

from replayd.codec.event import sequence_of
from replayd.codec.pace import captured_at
from replayd.errors import DiskError, JournalError
from replayd.journal.body import LOST, NO_ROOM, Content, NotDurableError, SpoolBody
from replayd.journal.interface import Part, Size
from replayd.journal.sqlite.checksum import (
    checksum,
    damaged,
    flow_checksum,
    outcome_checksum,
    prepared_checksum,
    shown_checksum,
)
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.failures import damaged_database, is_full, journal_error, lasting
from replayd.journal.sqlite.folder import Folder
from replayd.journal.sqlite.identity import settle_identity
from replayd.journal.sqlite.loading import (
    batch_from,
    batch_of_number,
    load,
    note_ended,
    redacted_from,
    stored_batch,
)
from replayd.journal.sqlite.past import (
    read_ends,
    read_past,
    read_resolution,
    read_states,
    read_withheld,
)
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.journal.sqlite.removing import Remover
from replayd.journal.sqlite.rollback import begin_epoch, check_log, end_epoch
from replayd.journal.sqlite.room import Room
from replayd.journal.sqlite.schema import end_log, open_database
from replayd.journal.sqlite.transaction import Synchronous
from replayd.journal.sqlite.writing import Writer
from replayd.journal.store import (
    PLACE_BITS,
    Ahead,
    Change,
    Opened,
    Prepared,
    Remembered,
    StoreCopy,
    StoredBatch,
    StoredEnds,
    StoredEvent,
    StoredPast,
    StoredResolution,
    StoredState,
    StoredWithheld,
    beside,
    matching,
    place_of,
    repeated,
    split_place,
)
from replayd.model.event import EventKind
from replayd.model.replay import ReplayKey, ReplayState, Row

T = TypeVar("T")

_CONTENT = {
    Part.REQUEST: "SELECT session, idempotent, plan, request_content, checksum "
    "FROM prepared WHERE place = ?",
    Part.RECORDED: "SELECT flow, recorded_content, flow_checksum FROM prepared WHERE place = ?",
    Part.RESPONSE: "SELECT state, attempt, sequence, content, checksum FROM replay WHERE place = ?",
}
"""A content with what its checksum is over."""

_PREPARED = (
    "SELECT p.place, session, idempotent, p.plan, request_content, p.checksum, "
    "s.plan, s.content, s.checksum FROM prepared AS p LEFT JOIN shown AS s ON s.place = p.place "
    "WHERE p.place BETWEEN ? AND ? ORDER BY p.place LIMIT ?"
)

_CHECKSUM: dict[Part, Callable[..., int]] = {
    Part.REQUEST: prepared_checksum,
    Part.RECORDED: flow_checksum,
    Part.RESPONSE: outcome_checksum,
}

_logger = logging.getLogger(__name__)

_INDEX = (1 << PLACE_BITS) - 1
"""The part of a place that is the flow index."""

_CHECKPOINT_BYTES = 4 * 1024 * 1024
"""When SQLite's log is copied into the database."""

_SETTLE_BYTES = 512 * 1024
"""When retention does it: so often that others hardly wait for it."""


class SqliteStore:
    """A `Store` in a data folder. Raises JournalError when it can't be opened."""

    kind = "sqlite"

    def __init__(
        self, path: Path, synchronous: Synchronous = "FULL", disk_floor: int | None = None
    ) -> None:
        self.failure = ""
        self.on_failure: list[Callable[[], None]] = []
        self._synchronous = synchronous
        self._folder = Folder(path)
        self._path = self._folder.database
        had_log = self._folder.has_log
        try:
            self._folder.forget_cached_log()
            with self._guard():
                self._connection = open_database(self._path)
            self._room = Room(path, disk_floor)
            self._folder.sync()
        except BaseException:
            self._folder.close()
            raise
        self._contents = Contents(self._connection, self._folder.blobs, self._heed)
        self._writer = Writer(self._connection, self._contents, synchronous)
        self._remover = Remover(self._connection, self._contents)
        self._page_size = int(self._connection.pragma("page_size"))
        """4096 in old databases."""
        self._log_bytes = 0
        self._had_log = had_log
        self._begun = self._copied = False
        self._redacted_from = 0
        """From this place on, flows were stored with what may be shown of them."""
        self._connection.set_wal_hook(self._committed)
        # A transaction that spills writes some frames of the log twice, and their checksums anew
        # behind its commit: killed in between, it would look like a log that was damaged.
        self._connection.pragma("cache_spill", False)

    def load(self) -> Opened:
        """Gives up what was never accepted; returns what is there."""
        with self._guard():
            self._surely(self._clean_up)
            try:
                note_ended(self._connection)
                self._redacted_from = redacted_from(self._connection)
                return load(self._connection)._replace(copied=self._copied)
            except (KeyError, TypeError, ValueError, struct.error) as error:
                # Rows that others speak of are missing, or hold what nobody wrote.
                raise damaged_database(self._path, error) from error

    @property
    def full(self) -> bool:
        """Whether nothing more may be sent."""
        return self._room.full

    def check_room(self) -> None:
        """Raises JournalError when nothing more should be queued."""
        self._room.check()

    def regain_room(self) -> bool:
        """Looks whether there is room again."""
        return self._room.regain()

    def stage(self, number: int, batch_id: str, rows: Sequence[Row]) -> None:
        """Adds rows to a batch that is not accepted yet."""
        with self._guard():
            self._writer.stage(number, batch_id, rows)
            self._checkpoint()

    def discard(self, number: int) -> None:
        """Gives up a staged batch."""
        with self._guard():
            self._surely(lambda: self._remover.discard([number]))

    def commit(self, change: Change) -> None:
        """Makes a change durable."""
        with self._guard():
            if change.accepted is None:
                self._surely(lambda: self._writer.commit(change))
            else:
                self._writer.commit(change)
            self._checkpoint()

    def remembered(self, request_id: str) -> Remembered | None:
        """Returns the answer that a request_id was given."""
        with self._guard():
            row = fetch_row(
                self._connection, "SELECT * FROM answered WHERE request_id = ?", (request_id,)
            )
        if row is None:
            return None
        *values, expected = row
        if expected != checksum(*values):
            raise damaged(self._path, f"the answer to the request_id {request_id!r}")
        return Remembered(*values)

    def batch(self, batch_id: str) -> StoredBatch | None:
        """Returns an accepted batch."""
        with self._guard():
            return stored_batch(self._connection, batch_id)

    def batch_from(self, position: int) -> StoredBatch | None:
        """Returns the first accepted batch from a position on."""
        with self._guard():
            return batch_from(self._connection, position)

    def states(self, number: int, first: int, last: int, limit: int) -> Sequence[StoredState]:
        """Returns what is remembered of replays."""
        with self._guard():
            return read_states(
                self._connection, place_of(number, first), place_of(number, last), limit
            )

    def resolution(self, place: int) -> StoredResolution | None:
        """Returns what was done with a parked replay."""
        with self._guard():
            return read_resolution(self._connection, place)

    def read_ahead(
        self, number: int, first: int, last: int, limit: int, *, timed: bool = False
    ) -> Sequence[Ahead]:
        """Returns replays of a batch."""
        with self._guard():
            rows = self._connection.execute(
                "SELECT p.place, session, idempotent, state, attempt FROM prepared AS p "
                "LEFT JOIN replay AS r ON r.place = p.place "
                "WHERE p.place BETWEEN ? AND ? ORDER BY p.place LIMIT ?",
                (place_of(number, first), place_of(number, last), limit),
            )
            found = [
                Ahead(place & _INDEX, session, idempotent != 0, attempt or 1, _has_ended(state))
                for place, session, idempotent, state, attempt in rows
            ]
            return self._timed(number, found) if timed else found

    def _timed(self, number: int, found: Sequence[Ahead]) -> Sequence[Ahead]:
        """Adds when they were captured."""
        first, last = (found[0].flow_index, found[-1].flow_index) if found else (0, -1)
        # Not checked: the content beside it may be large. What is damaged is found when it is
        # sent.
        rows = fetch_rows(
            self._connection,
            "SELECT flow FROM prepared WHERE place BETWEEN ? AND ? ORDER BY place",
            (place_of(number, first), place_of(number, last)),
        )
        return [
            each._replace(captured=captured_at(self._flow(number, flow)))
            for each, (flow,) in zip(found, rows, strict=True)
        ]

    def _flow(self, number: int, flow: bytes) -> bytes:
        """Returns a flow, or the one that it repeats."""
        slot = repeated(flow)
        if slot is None:
            return flow
        query = "SELECT flow FROM prepared WHERE place = ?"
        row = fetch_row(self._connection, query, (place_of(number, slot),))
        return b"" if row is None else bytes(row[0])

    def ended_between(self, number: int, first: int, last: int) -> Sequence[int]:
        """Returns the indices that have an outcome."""
        with self._guard():
            rows = self._connection.execute(
                "SELECT place FROM replay WHERE place BETWEEN ? AND ? AND state > ? ORDER BY place",
                (place_of(number, first), place_of(number, last), int(ReplayState.RUNNING)),
            )
            return [split_place(place)[1] for (place,) in rows]

    def prepared(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[Prepared]:
        """Returns what sending takes."""
        found: list[Prepared] = []
        size = 0
        with self._guard():
            for row in self._connection.execute(_PREPARED, (first, last, limit)):
                found.append(self._prepared(row))
                size += len(found[-1].plan) + len(found[-1].request_content or b"")
                if size > max_bytes:
                    break
        return found

    def withheld(
        self, first: int, last: int, limit: int, max_bytes: int
    ) -> Sequence[StoredWithheld]:
        """Returns replays of whose event something was withheld."""
        with self._guard():
            return read_withheld(self._connection, first, last, limit, max_bytes)

    def past(self, first: int, last: int, limit: int, max_bytes: int) -> Sequence[StoredPast]:
        """Returns what is kept of replays."""
        with self._guard():
            return read_past(self._connection, first, last, limit, max_bytes)

    def ends(self, first: int, last: int, max_bytes: int) -> StoredEnds:
        """Returns the events that ended replays; each is checked."""
        with self._guard():
            return read_ends(self._connection, first, last, max_bytes)

    def events(
        self, after: int, until: int, kinds: frozenset[EventKind], batch_id: str
    ) -> Generator[StoredEvent, None, None]:
        """Yields events; each is checked."""
        with self._guard():
            rows = self._connection.execute(
                "SELECT sequence, kind, batch_id, body, checksum FROM event "
                "WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
                (after, until),
            )
            yield from matching(self._events(rows, after, until), kinds, batch_id)

    def note_ended(self, ended: Sequence[tuple[int, int]]) -> None:
        """Notes which batches have ended."""
        with self._guard():
            self._surely(lambda: self._remover.note_ended(ended))

    def next_end(self, at_most: int) -> int:
        """Returns the last event of a batch that has ended."""
        with self._guard():
            return self._remover.next_end(at_most)

    def trim(self, last: int) -> int:
        """Deletes the oldest events."""
        with self._guard():
            return self._surely(lambda: self._remover.trim(last))

    def remove_batches(self, last_event: int, limit: int) -> Sequence[str]:
        """Removes the rows of ended batches."""
        with self._guard():
            return self._surely(lambda: self._remover.remove_batches(last_event, limit))

    def erase(self) -> Sequence[Path] | None:
        """Deletes some of what removed batches held."""
        with self._guard():
            return self._surely(self._remover.erase)

    def size(self) -> Size:
        """Returns the size of the database and of the files beside it."""
        with self._guard():
            return self._remover.size()

    def shrink(self) -> bool:
        """Gives back some free pages."""
        with self._guard():
            return self._surely(self._remover.shrink)

    def begin_copy(self, new_dir: Path, size: int) -> StoreCopy:
        """Begins a copy."""
        # Imported here: few daemons make one.
        from replayd.journal.sqlite.live_backup import LiveCopy  # noqa: PLC0415

        with self._told():
            return LiveCopy(self._connection, self._folder.blobs, new_dir, size)

    def sync(self) -> bool:
        """Syncs SQLite's log, by a descriptor of its own; True: a checkpoint is due."""
        if self._log_bytes < _SETTLE_BYTES:
            return False
        with self._guard():
            self._folder.sync_log()
        return True

    def settle(self) -> None:
        """Checkpoints."""
        self._copy_log()

    def content(self, place: int, part: Part) -> Content:
        """Returns a content."""
        with self._guard():
            if part is not Part.RESPONSE:
                place = self._source(place)
            content = self._in_row(place, part)
            return self._contents.content(place, part) if content is None else content

    def new_body(self) -> SpoolBody:
        """Makes an empty body."""
        return self._contents.new_body()

    def close(self) -> None:
        """Closes the database and lets another daemon use the folder."""
        try:
            self._contents.close()
            with self._told():
                try:
                    # After a failure nobody knows which of the log's pages are on the disk.
                    if self._begun and not self.failure:
                        end_epoch(self._connection)
                        end_log(self._connection)
                finally:
                    self._connection.close()
        finally:
            self._folder.close()

    def _source(self, place: int) -> int:
        """Returns the place of the row that a row repeats, or its own."""
        number, slot = split_place(place)
        if not ReplayKey.at("", slot).repeat:
            return place
        query = "SELECT plan FROM prepared WHERE place = ?"
        row = fetch_row(self._connection, query, (place,))
        source = None if row is None else repeated(row[0])
        return place if source is None else place_of(number, source)

    def _in_row(self, place: int, part: Part) -> bytes | None:
        """Returns a content that lies in its row; None: it lies elsewhere."""
        row = fetch_row(self._connection, _CONTENT[part], (place,))
        number, index = split_place(place)
        if row is None:
            batch = batch_of_number(self._connection, number)
            if batch and batch.must_have(index, ended=part is Part.RESPONSE):
                raise damaged(self._path, f"a {part} content (batch {number}, flow {index})")
            return b""
        *values, content, expected = row
        if expected != _CHECKSUM[part](place, *values, content):
            raise damaged(self._path, f"a {part} content (batch {number}, flow {index})")
        assert content is None or isinstance(content, bytes)
        return content

    def _prepared(self, row: tuple[Any, ...]) -> Prepared:
        place, session, idempotent, plan, content, expected = row[:6]
        shown_plan, shown_content, shown_expected = row[6:]
        if expected != prepared_checksum(place, session, idempotent, plan, content):
            return Prepared(place, b"", None, damaged=True)
        slot = repeated(plan)
        if slot is not None:
            return self._repeated(beside(place, slot))._replace(place=place)
        if shown_expected is None:
            # Of what was stored before anything was redacted that is not known.
            shown_plan = b"" if place >= self._redacted_from else None
        elif shown_expected != shown_checksum(place, shown_plan, shown_content):
            return Prepared(place, b"", None, damaged=True)
        return Prepared(place, plan, content, False, shown_plan, shown_content)

    def _repeated(self, source: int) -> Prepared:
        """Returns what sending takes, of a row that others repeat."""
        row = fetch_row(self._connection, _PREPARED, (source, source, 1))
        if row is None or repeated(row[3]) is not None:
            return Prepared(source, b"", None, damaged=True)
        return self._prepared(row)

    def _events(
        self, rows: Iterable[tuple[Any, ...]], after: int, until: int
    ) -> Iterator[StoredEvent]:
        """Checks that each is what was written, and that none is missing."""
        wanted = after
        for sequence, kind, batch_id, body, expected in rows:
            wanted += 1
            intact = expected == checksum(kind, batch_id, body)
            if sequence != wanted or not intact or sequence_of(body) != sequence:
                raise damaged(self._path, f"event {wanted}")
            yield StoredEvent(sequence, EventKind(kind), batch_id, body)
        if wanted != until:
            raise damaged(self._path, f"event {wanted + 1}")

    def _committed(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._log_bytes = pages * self._page_size
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Copies the log into the database now and then, so that it stays small."""
        if self._log_bytes >= _CHECKPOINT_BYTES:
            self._copy_log()

    def _copy_log(self) -> None:
        """Copies the log into the database.

        What was committed is durable in the log, so an error must not look as if it were
        not: the next commit tries again, or is refused when the error lasts.
        """
        try:
            try:
                self._connection.wal_checkpoint()
            except apsw.Error as error:
                self._make_room(error)
                self._connection.wal_checkpoint()
            self._log_bytes = 0
        except apsw.Error as error:
            self._failed(error)

    def _surely(self, step: Callable[[], T]) -> T:
        """Does what must be possible on a full disk too; the ballast makes room for it."""
        try:
            return step()
        except apsw.Error as error:
            self._make_room(error)
        # Its room is needed by the database; then there is enough in the log.
        self._copy_log()
        return step()

    def _make_room(self, error: apsw.Error) -> None:
        """Makes room by the ballast; raises the error where it means another thing, or when the
        ballast has gone.
        """
        if not (is_full(error, self._last_errno()) and self._room.release()):
            raise error

    def _heed(self, error: OSError) -> bool:
        """Hears that the disk did not take the content of a response; True: now it may."""
        if error.errno in LOST:
            self._fail(
                DiskError(
                    f"the disk of {self._folder.blobs} failed to store ({error.strerror}); check "
                    "the disk, then restart the daemon"
                )
            )
        return error.errno in NO_ROOM and self._room.release()

    def _clean_up(self) -> None:
        """Gives up what was never accepted."""
        cut = check_log(self._connection, self._folder.log, was_there=self._had_log)
        if cut:
            _logger.error("%s is damaged: the last commits are lost", self._folder.log)
        # Of what a failed disk or a crash left in the log, the disk answers for all from here.
        self._connection.wal_checkpoint()
        begin_epoch(self._connection, self._synchronous, cut=cut)
        self._begun = True
        self._copied = settle_identity(self._connection, self._folder.path)
        self._folder.sync()
        self._remover.discard_staged()
        self._folder.remove_orphans(self._contents.names())

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Lets nothing be read or written once the store has failed: systems may give back
        zeros, or what was there before, in place of pages that did not get to the disk.
        """
        if self.failure:
            raise DiskError(self.failure)
        with self._told():
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns SQLite's errors into the operator's words, and remembers what lasts."""
        try:
            yield
        except apsw.Error as error:
            raise self._failed(error) from error
        except UnicodeDecodeError as error:
            raise damaged_database(self._path, error) from error
        except NotDurableError as error:
            self._fail(error)
            raise

    def _failed(self, error: apsw.Error) -> JournalError:
        """Remembers an error that lasts."""
        number = self._last_errno()
        failure = journal_error(error, self._path, number)
        if lasting(error, number):
            self._fail(failure)
        return failure

    def _last_errno(self) -> int:
        """Returns the system's number of SQLite's last error; 0 before and after it is open."""
        try:
            return self._connection.system_errno
        except (AttributeError, apsw.ConnectionClosedError):
            return 0

    def _fail(self, failure: JournalError) -> None:
        if not self.failure:
            self.failure = failure.message
            for callback in self.on_failure:
                callback()


def _has_ended(state: int | None) -> bool:
    """Tells whether a replay with this state (None: nothing is remembered) has an outcome."""
    return state is not None and state != ReplayState.QUEUED

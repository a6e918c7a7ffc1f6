"""Writing to the database: staged rows, and each part of a change in its table."""

from collections.abc import Iterable, Sequence

import apsw

from replayd.journal.body import PIECE, Content, SpoolFile
from replayd.journal.interface import Part
from replayd.journal.sqlite.checksum import (
    checksum,
    damaged,
    event_checksum,
    figures_checksum,
    flow_checksum,
    prepared_checksum,
    replay_checksum,
    shown_checksum,
)
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.loading import pack_places
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.transaction import Synchronous, transaction
from replayd.journal.store import (
    Change,
    Remembered,
    StoredBatch,
    StoredControls,
    StoredReplay,
    place_of,
)
from replayd.model.replay import Row

_Contents = tuple[Content, Content]
"""Of a row: the request's, and that of the recorded response."""


class Writer:
    """Changes the database; every method is one transaction.

    `synchronous` is for what others are told of; what may be lost is NORMAL anyway.
    """

    def __init__(
        self, connection: apsw.Connection, contents: Contents, synchronous: Synchronous = "FULL"
    ) -> None:
        self._connection = connection
        self._contents = contents
        self._synchronous = synchronous

    def stage(self, number: int, batch_id: str, rows: Sequence[Row]) -> None:
        """Adds rows to a staged batch, which begins with the first call.

        Not durable: the commit that accepts the batch makes all of it so.
        """
        contents = self._spooled(rows)
        try:
            with transaction(self._connection, "NORMAL"):
                self._connection.execute(
                    "INSERT INTO batch (number, batch_id) VALUES (?, ?) "
                    "ON CONFLICT (number) DO NOTHING",
                    (number, batch_id),
                )
                self._rows(number, rows, contents)
        except BaseException:
            _remove(contents)
            raise

    def commit(self, change: Change) -> None:
        """Makes a change."""
        contents = self._spooled(change.rows)
        try:
            if change.accepted is not None:
                self._contents.settle()
            with transaction(self._connection, self._synchronous):
                self._change(change, contents)
        except BaseException:
            _remove(contents)
            raise

    def _change(self, change: Change, contents: Sequence[_Contents]) -> None:
        if change.accepted is not None:
            self._accept(change.accepted)
            self._rows(change.accepted.number, change.rows, contents)
        self._replays(change.replays)
        self._batches(change)
        self._meta(change)
        self._answers(change.forget_before, change.remembered)
        self._connection.executemany(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
            [
                (sequence, number, batch_id, body, event_checksum(number, batch_id, body))
                for sequence, kind, batch_id, body in change.events
                for number in (int(kind),)
            ],
        )

    def _spooled(self, rows: Sequence[Row]) -> Sequence[_Contents]:
        """Writes the large contents of rows to files, before the transaction."""
        contents: list[_Contents] = []
        try:
            for row in rows:
                requested, recorded = row.request_content, row.recorded_content
                contents.append((requested, recorded))
                if len(requested) > PIECE:
                    contents[-1] = (self._contents.spooled(requested), recorded)
                if len(recorded) > PIECE:
                    contents[-1] = (contents[-1][0], self._contents.spooled(recorded))
        except BaseException:
            _remove(contents)
            raise
        return contents

    def _rows(self, number: int, rows: Sequence[Row], contents: Sequence[_Contents]) -> None:
        first = place_of(number, 0)
        self._connection.executemany(
            "INSERT INTO prepared VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                self._prepared(first + row.flow_index, row, *pair)
                for row, pair in zip(rows, contents, strict=True)
            ],
        )
        self._connection.executemany(
            "INSERT INTO shown VALUES (?, ?, ?, ?)",
            [
                (place, plan, content, shown_checksum(place, plan, content))
                for row in rows
                if row.shown_plan != b"" or row.shown_content is not None
                for place, plan, content in (
                    (first + row.flow_index, row.shown_plan, row.shown_content),
                )
            ],
        )

    def _prepared(
        self, place: int, row: Row, requested: Content, recorded: Content
    ) -> tuple[object, ...]:
        _, session, is_idempotent, plan, flow, *_ = row
        idempotent = int(is_idempotent)
        request_content = self._contents.put(place, Part.REQUEST, requested)
        recorded_content = self._contents.put(place, Part.RECORDED, recorded)
        return (
            place,
            session,
            idempotent,
            plan,
            request_content,
            prepared_checksum(place, session, idempotent, plan, request_content),
            flow,
            recorded_content,
            flow_checksum(place, flow, recorded_content),
        )

    def _accept(self, batch: StoredBatch) -> None:
        *values, figures, _, policy, options, controls = batch
        terms = (int(policy), options, controls)
        # The figures of an open batch are those that it has.
        self._connection.execute(
            "UPDATE batch SET position = ?3, label = ?4, accepted = ?5, first = ?6, last = ?7, "
            "on_interrupt = ?8, options = ?9, controls = ?10, cursor = ?11, checksum = ?12, "
            "figures_checksum = "
            "checksum(number, ?11, succeeded, failed, killed, cleared, interrupted) "
            "WHERE number = ?1",
            (*values, *terms, figures.cursor, checksum(*values, *terms)),
        )

    def _replays(self, replays: Sequence[StoredReplay]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO replay VALUES (?, ?, ?, ?, ?, ?)",
            (self._replay(replay) for replay in replays),
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO withheld VALUES (?, ?, ?)",
            [
                (replay.place, replay.withheld, checksum(replay.place, replay.withheld))
                for replay in replays
                if replay.withheld
            ],
        )

    def _replay(self, replay: StoredReplay) -> tuple[object, ...]:
        content = self._contents.put(replay.place, Part.RESPONSE, replay.content)
        state = int(replay.state)
        return (
            replay.place,
            state,
            replay.attempt,
            replay.sequence,
            content,
            replay_checksum(replay.place, state, replay.attempt, replay.sequence, content),
        )

    def _batches(self, change: Change) -> None:
        self._connection.executemany(
            "UPDATE batch SET cursor = ?2, succeeded = ?3, failed = ?4, killed = ?5, "
            "cleared = ?6, interrupted = ?7, figures_checksum = ?8 WHERE number = ?1",
            [(*figures, figures_checksum(figures)) for figures in change.figures],
        )
        self._connection.executemany(
            "INSERT INTO cleared VALUES (?, ?, ?, ?)",
            ((*cleared, checksum(*cleared)) for cleared in change.cleared),
        )
        if change.resolved:
            self._connection.executemany(
                "INSERT INTO resolved VALUES (?, ?, ?, ?)",
                ((*each, checksum(*map(int, each[:2]), each[2])) for each in change.resolved),
            )
            before = get_meta(self._connection, "resolved")
            set_meta(self._connection, "resolved", before + len(change.resolved))

    def _meta(self, change: Change) -> None:
        if change.paused is not None:
            set_meta(self._connection, "paused", int(change.paused))
        if change.controls is not None:
            self._controls(change.controls)
        if change.claims is not None:
            set_meta(self._connection, "claims", pack_places(change.claims))

    def _controls(self, change: StoredControls) -> None:
        """Changes the controls of a batch, whose row has to be what it was: a new checksum must
        not hide damage.
        """
        self._connection.execute(
            "UPDATE batch SET controls = ?2, checksum = checksum(number, batch_id, position, "
            "label, accepted, first, last, on_interrupt, options, ?2) WHERE number = ?1 "
            "AND checksum = checksum(number, batch_id, position, label, accepted, first, last, "
            "on_interrupt, options, controls)",
            change,
        )
        if not self._connection.changes():
            raise damaged(self._connection.filename, f"the batch with the number {change.number}")

    def _answers(self, forget_before: int, remembered: Remembered | None) -> None:
        if forget_before:
            self._connection.execute("DELETE FROM answered WHERE expires < ?", (forget_before,))
        if remembered is not None:
            self._connection.execute(
                "INSERT OR REPLACE INTO answered VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*remembered, checksum(*remembered)),
            )


def _remove(contents: Iterable[_Contents]) -> None:
    for pair in contents:
        for content in pair:
            if isinstance(content, SpoolFile):
                content.remove()

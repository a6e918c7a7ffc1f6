"""Makes a whole journal of the rows that a salvage has copied.

What refers to something that is lost goes, or says so. A replay that may have been sent
ends INTERRUPTED, never queued: its outcome is lost, or its batch says that more have ended
than have an outcome.
"""

from collections import Counter
from typing import Any

import apsw

from replayd.codec.ended import ended_by
from replayd.errors import JournalError
from replayd.journal.body import SpoolFile
from replayd.journal.interface import Part
from replayd.journal.sqlite.checksum import checksum, figures_checksum
from replayd.journal.sqlite.contents import Contents
from replayd.journal.sqlite.loading import batch_of_number, pack_places, unpack_places
from replayd.journal.sqlite.mended_log import mend_log
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.journal.store import (
    LAST_INDEX,
    Figures,
    StoredBatch,
    beside,
    place_of,
    repeated,
    split_place,
)
from replayd.model.event import EventKind
from replayd.model.replay import OUTCOMES, ReplayState

_CLAIMED = 2048
"""How many may have been claimed when nobody knows which: 32, or four for each that runs."""

_FLOWS = """
    SELECT p.place, r.state FROM prepared AS p LEFT JOIN replay AS r ON r.place = p.place
    WHERE p.place BETWEEN ? AND ? ORDER BY p.place
"""

_COUNTED = (
    ReplayState.SUCCEEDED,
    ReplayState.FAILED,
    ReplayState.KILLED,
    ReplayState.CLEARED,
    ReplayState.INTERRUPTED,
)
"""As in `Figures`."""


class Mender:
    """Mends a journal in a transaction."""

    def __init__(
        self, connection: apsw.Connection, contents: Contents, meta: dict[str, Any]
    ) -> None:
        self._connection = connection
        self._contents = contents
        self._meta = meta
        self._counts: Counter[str] = Counter()
        self._ended_in_log: dict[str, set[int]] = {}
        self._dropped: Counter[int] = Counter()
        """Flows by the number of their batch."""

    def run(self, now: int) -> Counter[str]:
        """Mends; returns how much there is, and how much was lost."""
        self._drop_flows()
        self._drop_outcomes()
        self._mend_batches()
        self._mend_meta()
        self._counts += mend_log(self._connection, now)
        return self._counts

    # Flows and outcomes

    def _drop_flows(self) -> None:
        """Drops removed batches' rows, and flows of which a content is lost."""
        execute = self._connection.execute
        execute("DELETE FROM removed WHERE number IN (SELECT number FROM batch)")
        execute("DELETE FROM prepared WHERE place >> 32 IN (SELECT number FROM removed)")
        rows = fetch_rows(
            self._connection,
            "SELECT place, request_content IS NULL, recorded_content IS NULL FROM prepared "
            "WHERE request_content IS NULL OR recorded_content IS NULL",
        )
        for place, *parts in rows:
            asked = (Part.REQUEST, Part.RECORDED)
            wanted = [part for part, is_null in zip(asked, parts, strict=True) if is_null]
            if not all(self._has(place, part) for part in wanted):
                self._dropped[split_place(place)[0]] += 1
                execute("DELETE FROM prepared WHERE place = ?", (place,))
        for place, plan in fetch_rows(
            self._connection, "SELECT place, plan FROM prepared WHERE substr(plan, 1, 1) = x'00'"
        ):
            source = "SELECT 1 FROM prepared WHERE place = ?"
            if fetch_row(self._connection, source, (beside(place, repeated(plan) or 0),)) is None:
                self._dropped[split_place(place)[0]] += 1
                execute("DELETE FROM prepared WHERE place = ?", (place,))
        for part, column in ((Part.REQUEST, "request"), (Part.RECORDED, "recorded")):
            for table in ("file", "piece"):
                execute(
                    f"DELETE FROM {table} WHERE part = ? AND place NOT IN "  # noqa: S608
                    f"(SELECT place FROM prepared WHERE {column}_content IS NULL)",
                    (part.value,),
                )

    def _drop_outcomes(self) -> None:
        """Drops those without a flow, and says of those whose content is lost that they may
        have been sent.
        """
        execute = self._connection.execute
        execute("DELETE FROM replay WHERE place NOT IN (SELECT place FROM prepared)")
        large = fetch_rows(self._connection, "SELECT place FROM replay WHERE content IS NULL")
        for (place,) in large:
            if not self._has(place, Part.RESPONSE):
                self._interrupt(place)
        for table in ("file", "piece"):
            execute(
                f"DELETE FROM {table} WHERE part = ? AND place NOT IN "  # noqa: S608
                "(SELECT place FROM replay WHERE content IS NULL)",
                (Part.RESPONSE.value,),
            )

    def _has(self, place: int, part: Part) -> bool:
        try:
            content = self._contents.content(place, part)
        except JournalError:
            return False
        return not isinstance(content, SpoolFile) or content.path.exists()

    def _interrupt(self, place: int, attempt: int = 1) -> None:
        """Gives a replay the outcome of one that nobody knows more of."""
        self._counts["lost_outcomes"] += 1
        row = (place, int(ReplayState.INTERRUPTED), attempt, 0, b"")
        self._connection.execute(
            "INSERT OR REPLACE INTO replay VALUES (?, ?, ?, ?, ?, ?)", (*row, checksum(*row))
        )

    # Batches

    def _mend_batches(self) -> None:
        connection = self._connection
        self._find_ended()
        known = {number for (number,) in fetch_rows(connection, "SELECT number FROM batch")}
        # Of one that is all lost, nothing is left to say so.
        for number in sorted(self._numbers() - known):
            self._counts["lost_batches"] += 1
            self._add_batch(number)
        positions = fetch_rows(connection, "SELECT number FROM batch ORDER BY position, number")
        claimed: list[int] = []
        for (number,) in positions:
            batch = batch_of_number(connection, number)
            assert batch is not None
            claimed += self._mend_batch(batch, is_known=number in known)
        if "claims" in self._meta:
            there = "SELECT 1 FROM prepared WHERE place = ?"
            known_claims = unpack_places(get_meta(connection, "claims"))
            claimed = [each for each in known_claims if fetch_row(connection, there, (each,))]
        set_meta(connection, "claims", pack_places(claimed[:_CLAIMED]))

    def _numbers(self) -> set[int]:
        """The numbers of the batches that flows belong to, hopping from one to the next."""
        numbers: set[int] = set()
        place = 0
        query = "SELECT place FROM prepared WHERE place >= ? ORDER BY place LIMIT 1"
        while (row := fetch_row(self._connection, query, (place,))) is not None:
            number, _ = split_place(row[0])
            numbers.add(number)
            place = place_of(number, LAST_INDEX) + 1
        return numbers

    def _add_batch(self, number: int) -> None:
        row = fetch_row(
            self._connection,
            "SELECT e.batch_id FROM replay AS r JOIN event AS e ON e.sequence = r.sequence "
            "WHERE r.place BETWEEN ? AND ? AND e.batch_id NOT IN (SELECT batch_id FROM batch) "
            "AND e.batch_id <> '' LIMIT 1",
            _places(number),
        )
        batch_id = row[0] if row else f"lost-{number}"
        (position,) = fetch_row(
            self._connection, "SELECT coalesce(max(position), 0) + 1 FROM batch"
        )
        self._connection.execute(
            "INSERT INTO batch (number, batch_id, position) VALUES (?, ?, ?)",
            (number, batch_id, position),
        )
        nothing = Figures(number, 0, 0, 0, 0, 0, 0)
        self._write(StoredBatch(number, batch_id, position, "", 0, 0, -1, nothing))

    def _mend_batch(self, batch: StoredBatch, *, is_known: bool) -> list[int]:
        """Counts a batch anew; returns the places of what waits in it."""
        states: Counter[int] = Counter()
        doubtful: list[int] = []
        waiting: list[int] = []
        first, last = 0, -1
        ended_in_log = self._ended_in_log.get(batch.batch_id, set())
        for place, state in self._connection.execute(_FLOWS, _places(batch.number)):
            _, index = split_place(place)
            first, last = (first if last >= 0 else index), index
            if state in OUTCOMES:
                states[state] += 1
            elif any(start <= index <= end for start, end in batch.cleared):
                states[ReplayState.CLEARED] += 1
            elif index < batch.figures.cursor or index in ended_in_log or not is_known:
                doubtful.append(place)
            else:
                waiting.append(place)
        if is_known and len(waiting) > batch.accepted - sum(batch.figures[2:]):
            # Some of them have ended, and nobody knows which.
            doubtful, waiting = [*doubtful, *waiting], []
        for place in doubtful:
            self._interrupt(place)
        states[ReplayState.INTERRUPTED] += len(doubtful)
        flows = states.total() + len(waiting)
        self._counts["lost_flows"] += max(batch.accepted - flows, self._dropped[batch.number])
        self._counts["batches"] += 1
        self._counts["flows"] += flows
        self._counts["queued"] += len(waiting)
        figures = Figures._make((batch.number, 0, *(states[state] for state in _COUNTED)))
        self._write(batch._replace(accepted=flows, first=first, last=last, figures=figures))
        return waiting

    def _find_ended(self) -> None:
        """Finds the flows whose end is in the log, and nowhere else."""
        execute = self._connection.execute
        execute("CREATE INDEX ended_by ON replay (sequence)")
        rows = execute(
            "SELECT batch_id, body FROM event WHERE kind IN (?, ?) AND NOT EXISTS "
            "(SELECT 1 FROM replay WHERE replay.sequence = event.sequence)",
            (int(EventKind.RESPONSE), int(EventKind.ERROR)),
        )
        for batch_id, body in rows:
            self._ended_in_log.setdefault(batch_id, set()).add(ended_by(body))
        execute("DROP INDEX ended_by")

    def _write(self, batch: StoredBatch) -> None:
        *values, figures, _, policy, options, controls = batch
        described = (*values, int(policy), options, controls)
        self._connection.execute(
            "UPDATE batch SET position = ?3, label = ?4, accepted = ?5, first = ?6, last = ?7, "
            "on_interrupt = ?8, options = ?9, controls = ?10, checksum = ?11, "
            "figures_checksum = ?12, cursor = ?13, succeeded = ?14, failed = ?15, killed = ?16, "
            "cleared = ?17, interrupted = ?18, last_event = NULL WHERE number = ?1",
            (*described, checksum(*described), figures_checksum(figures), *figures[1:]),
        )

    # The rest

    def _mend_meta(self) -> None:
        connection = self._connection
        highest = "SELECT coalesce(max(number), 0), coalesce(max(position), 0) FROM batch"
        number, position = fetch_row(connection, highest)
        for name, value in (("next_number", number), ("next_position", position)):
            set_meta(connection, name, max(get_meta(connection, name), value + 1))
        set_meta(connection, "paused", 1)
        connection.execute("DELETE FROM resolved WHERE place NOT IN (SELECT place FROM replay)")
        (resolved,) = fetch_row(connection, "SELECT count(*) FROM resolved")
        set_meta(connection, "resolved", resolved)
        for table in ("shown", "withheld"):
            connection.execute(
                f"DELETE FROM {table} WHERE place NOT IN (SELECT place FROM prepared)"  # noqa: S608
            )
        # What was known of secrets may be lost: it is found out again.
        set_meta(connection, "redacted_from", get_meta(connection, "next_number"))
        (latest,) = fetch_row(connection, "SELECT max(sequence) FROM event")
        set_meta(connection, "redacted_after", latest or get_meta(connection, "trimmed"))
        self._counts["lost_resolutions"] += max(self._meta.get("resolved", 0) - resolved, 0)
        connection.execute("DELETE FROM cleared WHERE number NOT IN (SELECT number FROM batch)")


def _places(number: int) -> tuple[int, int]:
    """The first and the last place of a batch."""
    return place_of(number, 0), place_of(number, LAST_INDEX)

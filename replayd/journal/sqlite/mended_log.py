"""Makes a log without gaps of the events that a salvage has copied."""

from collections import Counter

import apsw

from replayd.codec.event import log_event, update_event, with_sequence
from replayd.journal.sqlite.checksum import checksum, event_checksum
from replayd.journal.sqlite.meta import get_meta, set_meta
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.model.event import EventKind, LogLevel, PendingEvent, UpdateKind


def mend_log(connection: apsw.Connection, now: int) -> Counter[str]:
    """Puts a note in the place of each event that is lost, and says what was done."""
    counts: Counter[str] = Counter()
    connection.execute("DELETE FROM event WHERE sequence <= ?", (get_meta(connection, "trimmed"),))
    oldest, newest = fetch_row(connection, "SELECT min(sequence), max(sequence) FROM event")
    trimmed = oldest - 1 if oldest else get_meta(connection, "trimmed")
    (referred,) = fetch_row(
        connection,
        "SELECT max(coalesce((SELECT max(sequence) FROM replay), 0), "
        "coalesce((SELECT max(sequence) FROM answered), 0))",
    )
    latest = max(newest or 0, referred, trimmed)
    set_meta(connection, "trimmed", trimmed)
    _fill(connection, counts, trimmed, latest, now)
    _unname_lost(connection, trimmed)
    end = [
        log_event(LogLevel.WARNING, "the journal was salvaged", now),
        update_event(UpdateKind.PAUSED, now),
    ]
    for sequence, event in enumerate(end, latest + 1):
        _log(connection, sequence, event)
    counts["events"] += latest - trimmed - counts["lost_events"]
    return counts


def _fill(
    connection: apsw.Connection, counts: Counter[str], trimmed: int, latest: int, now: int
) -> None:
    wanted = trimmed + 1
    note = log_event(LogLevel.WARNING, "an event was lost here; the journal was salvaged", now)
    there = connection.execute("SELECT sequence FROM event ORDER BY sequence")
    missing: list[range] = []
    for (sequence,) in there:
        if sequence > wanted:
            missing.append(range(wanted, sequence))
        wanted = sequence + 1
    missing.append(range(wanted, latest + 1))
    for gap in missing:
        counts["lost_events"] += len(gap)
        for sequence in gap:
            _log(connection, sequence, note)


def _unname_lost(connection: apsw.Connection, trimmed: int) -> None:
    """Has no outcome name an event that is a note, or that another replay's end is."""
    rows = fetch_rows(
        connection,
        "SELECT r.place, r.state, r.attempt, r.content FROM replay AS r JOIN event AS e "
        "ON e.sequence = r.sequence WHERE r.sequence > ? AND e.kind = ?",
        (trimmed, int(EventKind.LOG)),
    )
    for place, state, attempt, content in rows:
        connection.execute(
            "UPDATE replay SET sequence = 0, checksum = ? WHERE place = ?",
            (checksum(place, state, attempt, 0, content), place),
        )


def _log(connection: apsw.Connection, sequence: int, event: PendingEvent) -> None:
    kind, batch_id, body, _ = event
    body = with_sequence(sequence, body)
    connection.execute(
        "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
        (sequence, int(kind), batch_id, body, event_checksum(int(kind), batch_id, body)),
    )

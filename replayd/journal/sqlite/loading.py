"""Reading the database at open: the batches that are not finished, and what a crash left."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Any

import apsw

from replayd.journal.batch import ended_of
from replayd.journal.sqlite.checksum import (
    checksum,
    damaged,
    figures_checksum,
    outcome_checksum,
    prepared_checksum,
)
from replayd.journal.sqlite.meta import get_meta, read_meta
from replayd.journal.sqlite.query import fetch_row, fetch_rows
from replayd.journal.sqlite.transaction import transaction
from replayd.journal.store import (
    LAST_INDEX,
    Figures,
    Interrupted,
    Opened,
    StoredBatch,
    beside,
    place_of,
    repeated,
    split_place,
)
from replayd.model.replay import OnInterrupt, ReplayState

_PLACE = Struct(">Q")

_BATCH = (
    "SELECT number, batch_id, position, label, accepted, first, last, on_interrupt, options, "
    "controls, checksum, figures_checksum, cursor, succeeded, failed, killed, cleared, interrupted "
    "FROM batch "
)

COUNTS = ("accepted", "succeeded", "failed", "killed", "cleared", "interrupted")
"""The columns that go on counting in `meta` when a batch is removed."""

_NOTE_ENDED = """
    UPDATE batch SET last_event = coalesce(nullif((
        SELECT max(sequence) FROM (
            SELECT sequence FROM replay
            WHERE place BETWEEN batch.number << 32 AND (batch.number << 32) + 0xffffffff
            ORDER BY place DESC LIMIT 256)), 0), ?)
    WHERE last_event IS NULL AND position IS NOT NULL
        AND succeeded + failed + killed + cleared + interrupted >= accepted
"""
"""The last replays are about those that ended last."""

_LIVE = (
    "WHERE succeeded + failed + killed + cleared + interrupted < accepted "
    "AND position IS NOT NULL ORDER BY position"
)


def note_ended(connection: apsw.Connection) -> None:
    """Notes which batches have ended, where nobody has."""
    latest = _latest(connection, get_meta(connection, "trimmed"))
    with transaction(connection, "NORMAL"):
        connection.execute(_NOTE_ENDED, (latest,))


def load(connection: apsw.Connection) -> Opened:
    """Returns what the database holds; call `note_ended` before.

    Raises JournalError when what it says of itself is damaged.
    """
    meta = read_meta(connection)
    _check_log(connection, meta)
    live = [_stored(connection, row) for row in fetch_rows(connection, _BATCH + _LIVE)]
    numbers = fetch_row(connection, "SELECT max(number), max(position) FROM batch")
    accepted, ended = _totals(connection, meta)
    _check_counts(connection, meta, accepted - sum(ended.values()), live)
    return Opened(
        store_id=meta["store_id"],
        redaction_key=meta["redaction_key"],
        redacted_after=meta["redacted_after"],
        epoch=meta["epoch"],
        trimmed=meta["trimmed"],
        latest=_latest(connection, meta["trimmed"]),
        paused=bool(meta["paused"]),
        next_number=max((numbers[0] or 0) + 1, meta["next_number"]),
        next_position=max((numbers[1] or 0) + 1, meta["next_position"]),
        accepted=accepted,
        ended=ended,
        ended_last=_ended_last(connection),
        live=live,
        interrupted=_interrupted(connection, live, unpack_places(meta["claims"])),
        parked=_parked(connection),
    )


def redacted_from(connection: apsw.Connection) -> int:
    """Returns the first place of what was stored with what may be shown of it."""
    return place_of(get_meta(connection, "redacted_from"), 0)


def stored_batch(connection: apsw.Connection, batch_id: str) -> StoredBatch | None:
    """Returns an accepted batch."""
    row = fetch_row(connection, _BATCH + "WHERE batch_id = ? AND position IS NOT NULL", (batch_id,))
    if row is None:
        return None
    stored = _stored(connection, row)
    if stored.batch_id != batch_id:
        raise damaged(connection.filename, f"the index of the batch {batch_id!r}")
    return stored


def batch_of_number(connection: apsw.Connection, number: int) -> StoredBatch | None:
    """Returns an accepted batch."""
    row = fetch_row(connection, _BATCH + "WHERE number = ? AND position IS NOT NULL", (number,))
    return None if row is None else _stored(connection, row)


def batch_from(connection: apsw.Connection, position: int) -> StoredBatch | None:
    """Returns the first accepted batch from a position on."""
    row = fetch_row(
        connection, _BATCH + "WHERE position >= ? ORDER BY position LIMIT 1", (position,)
    )
    return None if row is None else _stored(connection, row)


def pack_places(places: Iterable[int]) -> bytes:
    """Writes places as the value of `claims`."""
    return b"".join(map(_PLACE.pack, places))


def unpack_places(packed: bytes) -> list[int]:
    """Reads the value of `claims`."""
    return [place for (place,) in _PLACE.iter_unpack(packed)]


def _stored(connection: apsw.Connection, row: tuple[Any, ...]) -> StoredBatch:
    described, expected = row[:10], row[10:12]
    number, batch_id, position, label, accepted, first, last, policy, options, controls = described
    figures = Figures(number, *row[12:])
    if (checksum(*described), figures_checksum(figures)) != expected:
        raise damaged(connection.filename, f"the batch {batch_id!r} (number {number})")
    cleared = tuple(_cleared(connection, number))
    return StoredBatch(
        number,
        batch_id,
        position,
        label,
        accepted,
        first,
        last,
        figures,
        cleared,
        OnInterrupt(policy),
        options,
        controls,
    )


def _cleared(connection: apsw.Connection, number: int) -> Iterator[tuple[int, int]]:
    for first, last, expected in fetch_rows(
        connection,
        "SELECT first, last, checksum FROM cleared WHERE number = ? ORDER BY first",
        (number,),
    ):
        if checksum(number, first, last) != expected:
            raise damaged(connection.filename, f"what was cleared of batch number {number}")
        yield first, last


def _check_log(connection: apsw.Connection, meta: Mapping[str, Any]) -> None:
    """Compares where the log begins with what was removed of it."""
    (oldest,) = fetch_row(connection, "SELECT min(sequence) FROM event")
    if oldest is not None and oldest != meta["trimmed"] + 1:
        raise damaged(connection.filename, f"the log, which should begin at {meta['trimmed'] + 1},")


def _check_counts(
    connection: apsw.Connection, meta: Mapping[str, Any], left: int, live: Iterable[StoredBatch]
) -> None:
    """Compares what is left to do by all rows with what is by those that an index named, and
    the size of the files and the number of resolved replays with what is kept of them.
    """
    of_live = sum(batch.accepted - sum(batch.figures[2:]) for batch in live)
    if left != of_live:
        raise damaged(connection.filename, f"the batches' index ({of_live} replays of {left})")
    (size,) = fetch_row(connection, "SELECT coalesce(sum(size), 0) FROM file")
    if size != meta["file_bytes"]:
        raise damaged(connection.filename, f"the sum of the files' sizes ({size})")
    (resolved,) = fetch_row(connection, "SELECT count(*) FROM resolved")
    if resolved != meta["resolved"]:
        raise damaged(connection.filename, f"the number of resolved replays ({resolved})")


def _latest(connection: apsw.Connection, trimmed: int) -> int:
    (latest,) = fetch_row(connection, "SELECT max(sequence) FROM event")
    return max(latest or 0, trimmed)


def _totals(
    connection: apsw.Connection, meta: Mapping[str, int]
) -> tuple[int, dict[ReplayState, int]]:
    sums = fetch_row(
        connection,
        "SELECT total(accepted), total(succeeded), total(failed), total(killed), "
        "total(cleared), total(interrupted) FROM batch",
    )
    accepted, *ended = (
        int(value) + meta[f"removed_{name}"] for name, value in zip(COUNTS, sums, strict=True)
    )
    return accepted, ended_of(Figures(0, 0, *ended))


def _ended_last(connection: apsw.Connection) -> int:
    """Finds about where the events of the batch that ended last begin: what ended its first
    replays.
    """
    row = fetch_row(
        connection,
        "SELECT number FROM batch WHERE last_event IS NOT NULL AND accepted > cleared "
        "ORDER BY last_event DESC, number DESC LIMIT 1",
    )
    if row is None:
        return 0
    (first,) = fetch_row(
        connection,
        "SELECT min(sequence) FROM (SELECT sequence FROM replay "
        "WHERE place BETWEEN ? AND ? ORDER BY place LIMIT 256)",
        (place_of(row[0], 0), place_of(row[0], LAST_INDEX)),
    )
    return first or 0


def _parked(connection: apsw.Connection) -> dict[str, int]:
    """Counts the parked replays of each batch that has any."""
    rows = fetch_rows(
        connection,
        "SELECT batch_id, interrupted - (SELECT count(*) FROM resolved "
        "WHERE place BETWEEN batch.number << 32 AND (batch.number << 32) + 0xffffffff) "
        "FROM batch WHERE interrupted > 0 AND position IS NOT NULL",
    )
    return {batch_id: count for batch_id, count in rows if count > 0}


def _interrupted(
    connection: apsw.Connection, live: Iterable[StoredBatch], claims: Iterable[int]
) -> list[Interrupted]:
    """Finds the replays that may have been sent and have no outcome, in the queue's order.

    Those are the intents, and the first attempts that were claimed, unless they have a
    row (an outcome, a later attempt) or were cleared.
    """
    begun = _intents(connection)
    batches = {batch.number: batch for batch in live}
    for place in claims:
        number, index = split_place(place)
        batch = batches.get(number)
        if batch and not _has_row(connection, place) and not _is_cleared(batch, index):
            begun[place] = 1
    found = [
        _describe(connection, batches[split_place(place)[0]], place, attempt)
        for place, attempt in begun.items()
    ]
    order = {batch.batch_id: batch.position for batch in batches.values()}
    return sorted(found, key=lambda each: (order[each.batch_id], each.flow_index))


def _intents(connection: apsw.Connection) -> dict[int, int]:
    """Returns the attempts that had begun. Raises JournalError when one is damaged: without it,
    what was sent would be sent again.
    """
    query = "SELECT place, state, attempt, sequence, content, checksum FROM replay WHERE state = 2"
    rows = fetch_rows(connection, query)
    (count,) = fetch_row(
        connection, "SELECT count(*) FROM replay INDEXED BY running_replay WHERE state = 2"
    )
    if count != len(rows) or any(outcome_checksum(*row) != expected for *row, expected in rows):
        raise damaged(connection.filename, "an intent")
    return {row[0]: row[2] for row in rows}


def _describe(
    connection: apsw.Connection, batch: StoredBatch, place: int, attempt: int
) -> Interrupted:
    session, idempotent, plan, content, found = fetch_row(
        connection,
        "SELECT session, idempotent, plan, request_content, checksum FROM prepared WHERE place = ?",
        (place,),
    )
    intact = found == prepared_checksum(place, session, idempotent, plan, content)
    if intact and (slot := repeated(plan)) is not None:
        source = _describe(connection, batch, beside(place, slot), attempt)
        return source._replace(place=place, flow_index=split_place(place)[1])
    return Interrupted(
        batch.batch_id,
        place,
        split_place(place)[1],
        attempt,
        # What can't be read can't be known to be safe to send again.
        idempotent=intact and bool(idempotent),
        plan=plan if intact else b"",
    )


def _has_row(connection: apsw.Connection, place: int) -> bool:
    return fetch_row(connection, "SELECT 1 FROM replay WHERE place = ?", (place,)) is not None


def _is_cleared(batch: StoredBatch, index: int) -> bool:
    at = bisect_right(batch.cleared, (index, batch.last)) - 1
    return at >= 0 and batch.cleared[at][1] >= index

"""Reading replays back with all that is kept of them, each part checked."""

from collections.abc import Sequence
from typing import Any

import apsw

from replayd.codec.event import sequence_of
from replayd.errors import JournalError
from replayd.journal.sqlite.checksum import checksum, damaged, outcome_checksum, prepared_checksum
from replayd.journal.sqlite.query import fetch_row
from replayd.journal.store import (
    StoredEnds,
    StoredPast,
    StoredResolution,
    StoredState,
    StoredWithheld,
    beside,
    repeated,
    split_place,
)
from replayd.model.replay import ReplayState, Resolution

_PAST = """
    SELECT p.place, p.session, p.idempotent, p.plan, p.request_content, p.checksum,
        p.flow, p.recorded_content, p.flow_checksum,
        r.state, r.attempt, r.sequence, r.content, r.checksum,
        e.kind, e.batch_id, e.body, e.checksum,
        d.resolution, d.resent_as, d.checksum, w.event, w.checksum
    FROM prepared AS p
    LEFT JOIN replay AS r ON r.place = p.place
    LEFT JOIN event AS e ON e.sequence = r.sequence
    LEFT JOIN resolved AS d ON d.place = p.place
    LEFT JOIN withheld AS w ON w.place = p.place
    WHERE p.place BETWEEN ? AND ? ORDER BY p.place LIMIT ?
"""

_ENDS = """
    SELECT r.place, e.sequence, e.kind, e.batch_id, e.body, e.checksum
    FROM replay AS r CROSS JOIN event AS e ON e.sequence = r.sequence
    WHERE r.place BETWEEN ? AND ? AND r.sequence > 0 ORDER BY r.place
"""
"""CROSS: replays in their order, and the event of each."""


_WITHHELD = """
    SELECT p.place, p.session, p.idempotent, p.plan, p.request_content, p.checksum,
        e.sequence, e.kind, e.batch_id, e.body, e.checksum, w.event, w.checksum
    FROM withheld AS w
    JOIN prepared AS p ON p.place = w.place
    JOIN replay AS r ON r.place = w.place
    JOIN event AS e ON e.sequence = r.sequence
    WHERE w.place BETWEEN ? AND ? ORDER BY w.place LIMIT ?
"""


def read_past(
    connection: apsw.Connection, first: int, last: int, limit: int, max_bytes: int
) -> Sequence[StoredPast]:
    """Returns replays from one place to another, as `Store.past` says."""
    found: list[StoredPast] = []
    size = 0
    for row in connection.execute(_PAST, (first, last, limit)):
        found.append(_whole(connection, _past(connection, row)))
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if size > max_bytes:
            break
    return found


def _whole(connection: apsw.Connection, past: StoredPast) -> StoredPast:
    """Returns a replay with what the flow has that it repeats."""
    slot = repeated(past.plan)
    if slot is None:
        return past
    source = _source(connection, beside(past.place, slot))
    return past._replace(
        plan=source.plan,
        flow=source.flow,
        request_content=source.request_content,
        recorded_content=source.recorded_content,
    )


def _source(connection: apsw.Connection, place: int) -> StoredPast:
    """Returns a replay whose row others repeat."""
    row = fetch_row(connection, _PAST, (place, place, 1))
    if row is None:
        raise _damaged(connection, place, "the flow")
    return _past(connection, row)


def read_ends(connection: apsw.Connection, first: int, last: int, max_bytes: int) -> StoredEnds:
    """Returns the events that ended replays, as `Store.ends` says."""
    found: list[bytes] = []
    size = 0
    for place, sequence, kind, batch_id, body, expected in connection.execute(_ENDS, (first, last)):
        if expected != checksum(kind, batch_id, body) or sequence_of(body) != sequence:
            raise damaged(connection.filename, f"event {sequence}")
        found.append(body)
        size += len(body)
        if size > max_bytes:
            return StoredEnds(found, place, more=True)
    return StoredEnds(found, 0, more=False)


def read_withheld(
    connection: apsw.Connection, first: int, last: int, limit: int, max_bytes: int
) -> Sequence[StoredWithheld]:
    """Returns replays of whose event something was withheld, as `Store.withheld` says."""
    found: list[StoredWithheld] = []
    size = 0
    for row in connection.execute(_WITHHELD, (first, last, limit)):
        place, session, idempotent, plan, request_content, expected = row[:6]
        if expected != prepared_checksum(place, session, idempotent, plan, request_content):
            raise _damaged(connection, place, "the request")
        sequence, kind, batch_id, body, expected = row[6:11]
        if expected != checksum(kind, batch_id, body) or sequence_of(body) != sequence:
            raise damaged(connection.filename, f"event {sequence}")
        withheld, expected = row[11:]
        if expected != checksum(place, withheld):
            raise _damaged(connection, place, "what was withheld")
        slot = repeated(plan)
        if slot is not None:
            plan = _source(connection, beside(place, slot)).plan
        found.append(StoredWithheld(place, session, plan, body, withheld))
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if size > max_bytes:
            break
    return found


def read_states(
    connection: apsw.Connection, first: int, last: int, limit: int
) -> Sequence[StoredState]:
    """Returns what is remembered of replays, as `Store.states` says."""
    rows = connection.execute(
        "SELECT p.place, r.state FROM prepared AS p LEFT JOIN replay AS r ON r.place = p.place "
        "WHERE p.place BETWEEN ? AND ? ORDER BY p.place LIMIT ?",
        (first, last, limit),
    )
    return [
        StoredState(split_place(place)[1], None if state is None else ReplayState(state))
        for place, state in rows
    ]


def read_resolution(connection: apsw.Connection, place: int) -> StoredResolution | None:
    """Returns what was done with a parked replay, as `Store.resolution` says."""
    row = fetch_row(
        connection,
        "SELECT resolution, resent_as, checksum FROM resolved WHERE place = ?",
        (place,),
    )
    return None if row is None else _resolution(connection, place, *row)


def _past(connection: apsw.Connection, row: tuple[Any, ...]) -> StoredPast:
    place, session, idempotent, plan, request_content, expected = row[:6]
    if expected != prepared_checksum(place, session, idempotent, plan, request_content):
        raise _damaged(connection, place, "the request")
    flow, recorded_content, expected = row[6:9]
    if expected != checksum(place, flow, recorded_content):
        raise _damaged(connection, place, "the flow")
    state, attempt, sequence, response_content, expected = row[9:14]
    if state is not None and expected != outcome_checksum(
        place, state, attempt, sequence, response_content
    ):
        raise _damaged(connection, place, "the outcome")
    kind, batch_id, body, expected = row[14:18]
    if body is not None and (
        expected != checksum(kind, batch_id, body) or sequence_of(body) != sequence
    ):
        raise damaged(connection.filename, f"event {sequence}")
    withheld, expected = row[21:]
    if withheld is not None and expected != checksum(place, withheld):
        raise _damaged(connection, place, "what was withheld")
    return StoredPast(
        place,
        session,
        idempotent != 0,
        plan,
        flow,
        request_content,
        recorded_content,
        None if state is None else ReplayState(state),
        attempt or 0,
        b"" if state is None else response_content,
        body or b"",
        _resolution(connection, place, *row[18:21]),
        withheld or b"",
    )


def _resolution(
    connection: apsw.Connection,
    place: int,
    resolution: int | None,
    resent_as: str | None,
    expected: int | None,
) -> StoredResolution | None:
    """Makes a row of `resolved`, if there is one."""
    if resolution is None:
        return None
    if expected != checksum(place, resolution, resent_as):
        raise _damaged(connection, place, "what was done with it")
    return StoredResolution(place, Resolution(resolution), resent_as or "")


def _damaged(connection: apsw.Connection, place: int, what: str) -> JournalError:
    number, index = split_place(place)
    return damaged(connection.filename, f"{what} of batch {number}, flow {index},")

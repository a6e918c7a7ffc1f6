"""Checksums of rows: SQLite has none, and would hand out a payload with a flipped bit.

What is checked may be of any type, since damage changes types as well.
"""

import zlib
from functools import lru_cache

from replayd.errors import JournalError
from replayd.journal.crc import crc32


def checksum(*values: object) -> int:
    """CRC-32 of values: of small ones as they are printed, of payloads with their length."""
    value = zlib.crc32(repr([each for each in values if type(each) is not bytes]).encode())
    for each in values:
        if type(each) is bytes:
            value = crc32(each, value ^ len(each))
    return value


# The same for the rows that every replay has, and so in a fraction of the time: plans are small.


def event_checksum(kind: int, batch_id: str, body: bytes) -> int:
    """Returns `checksum` of an event's columns; few kinds and batches have many events."""
    return crc32(body, _event_head(kind, batch_id) ^ len(body))


_event_head = lru_cache(maxsize=1024)(checksum)


def replay_checksum(
    place: int, state: int, attempt: int, sequence: int, content: bytes | None
) -> int:
    """Returns `checksum` of a replay's columns."""
    if content is None:
        return checksum(place, state, attempt, sequence, content)
    value = zlib.crc32(f"[{place}, {state}, {attempt}, {sequence}]".encode())
    return crc32(content, value ^ len(content))


def figures_checksum(figures: tuple[int, ...]) -> int:
    """Returns `checksum` of a batch's figures."""
    return zlib.crc32(repr([*figures]).encode())


MISPLACED = -1
"""No row has this checksum."""


def outcome_checksum(
    place: int, state: object, attempt: object, sequence: object, content: object
) -> int:
    """Returns `checksum` of an outcome; of a row of `prepared` in its place, MISPLACED."""
    if type(sequence) is not int:
        return MISPLACED
    return checksum(place, state, attempt, sequence, content)


def prepared_checksum(
    place: int, session: object, idempotent: object, plan: object, content: object
) -> int:
    """Returns `checksum` of what sending takes, of whatever types the columns are; of a row of
    `replay`, which has as many and in whose place damage may put it, MISPLACED.
    """
    if type(plan) is not bytes:
        return MISPLACED
    if type(content) is not bytes or type(session) is bytes:
        return checksum(place, session, idempotent, plan, content)
    value = zlib.crc32(f"[{place}, {session!r}, {idempotent!r}]".encode())
    value = zlib.crc32(plan, value ^ len(plan))
    return crc32(content, value ^ len(content))


def flow_checksum(place: int, flow: object, content: object) -> int:
    """Returns `checksum` of what was captured, of whatever types the columns are."""
    if type(flow) is not bytes or type(content) is not bytes:
        return checksum(place, flow, content)
    value = zlib.crc32(b"[%d]" % place)
    value = crc32(flow, value ^ len(flow))
    return crc32(content, value ^ len(content))


def shown_checksum(place: int, plan: object, content: object) -> int:
    """Returns the checksum of what may be shown, of whatever types the columns are."""
    if type(plan) is not bytes or content is not None:
        return checksum(place, plan, content)
    value = zlib.crc32(b"[%d, None]" % place)
    return zlib.crc32(plan, value ^ len(plan))


def damaged(path: object, what: str) -> JournalError:
    """Says what is damaged."""
    return JournalError(
        f"{what} in {path} is damaged: its checksum is wrong; stop the daemon: `replayd journal "
        "check` says what else is, and `replayd journal salvage` copies the rest"
    )

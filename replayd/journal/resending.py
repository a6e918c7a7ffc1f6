"""Copies of replays, staged as the rows of a new batch that sends them again."""

from collections.abc import Iterable

from replayd.codec.plan import decode_plan, encode_plan
from replayd.journal.body import pieces_of
from replayd.journal.enqueues import Enqueues
from replayd.journal.interface import Part
from replayd.journal.ledger import Ledger, not_found
from replayd.journal.store import StoredBatch, place_of
from replayd.model.replay import ReplayKey, Row

_ROWS = 64
_BYTES = 1 << 20
"""What is staged at once; of large contents one replay's."""


def stage_copies(
    ledger: Ledger, enqueues: Enqueues, batch: StoredBatch, flow_indices: Iterable[int], as_: str
) -> None:
    """Stages copies of replays of a batch as the batch `as_`, with their flow indices; when that
    fails nothing of it stays. Raises ReplaydError: BATCH_NOT_FOUND when it is removed meanwhile.
    """
    rows: list[Row] = []
    size = 0
    try:
        for index in flow_indices:
            rows.append(_copy(ledger, batch, index))
            size += len(rows[-1].plan) + len(rows[-1].flow)
            size += len(rows[-1].request_content) + len(rows[-1].recorded_content)
            if len(rows) == _ROWS or size > _BYTES:
                enqueues.stage(as_, rows)
                rows, size = [], 0
        enqueues.stage(as_, rows)
    except BaseException:
        enqueues.discard(as_)
        raise


def stored_batch(ledger: Ledger, batch_id: str) -> StoredBatch:
    """Returns a batch. Raises ReplaydError: BATCH_NOT_FOUND."""
    with ledger.writing:
        ledger.check()
        return ledger.batch(batch_id)


def _copy(ledger: Ledger, batch: StoredBatch, flow_index: int) -> Row:
    """Returns the row that sends a replay again."""
    place = place_of(batch.number, flow_index)
    with ledger.writing:
        ledger.check()
        found = ledger.store.past(place, place, 1, 1)
        if not found:
            raise not_found(batch.batch_id)  # it was removed meanwhile
        requested, recorded = (
            pieces_of(ledger.store.content(place, part)) for part in (Part.REQUEST, Part.RECORDED)
        )
    (past,) = found
    replay_id = ReplayKey.at(batch.batch_id, flow_index).replay_id
    plan = decode_plan(past.plan)._replace(resends_replay_id=replay_id)
    return Row(
        flow_index,
        past.session,
        past.idempotent,
        encode_plan(plan),
        past.flow,
        b"".join(requested),
        b"".join(recorded),
        # Found out when it is sent: only there all names of secrets are known.
        shown_plan=None,
    )

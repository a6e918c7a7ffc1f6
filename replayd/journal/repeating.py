"""Staging the runs of a batch after its first one: their rows repeat those of the first, so that
what was captured is kept once.
"""

from collections.abc import Callable, Sequence

from replayd.errors import ReplaydError
from replayd.journal.ledger import Ledger
from replayd.journal.store import Ahead, again
from replayd.model.replay import REPEATED_FLOWS, ReplayKey, Row
from replayd.reasons import Reason

_ROWS = 512
"""How many rows one commit stages, so that the replay thread never waits long for its turn."""


def stage_repeats(
    ledger: Ledger, number: int, last: int, repeats: int, stage: Callable[[Sequence[Row]], object]
) -> None:
    """Stages the other runs of a batch of which the first one is staged, up to its last slot.

    Raises ReplaydError: INVALID_OPTIONS, when it has too many flows for that.
    """
    if last >= REPEATED_FLOWS:
        raise ReplaydError(
            Reason.INVALID_OPTIONS,
            f"options.repeat_count is for at most {REPEATED_FLOWS} flows, and the capture has "
            "more; split it, or enqueue it as often",
            field="options.repeat_count",
        )
    for repeat in range(1, repeats):
        after = -1
        while after < last:
            with ledger.writing:
                ledger.check()
                ledger.store.check_room()
                found = ledger.store.read_ahead(number, after + 1, last, _ROWS)
            if not found:
                break
            stage([_row(each, repeat) for each in found])
            after = found[-1].flow_index


def _row(ahead: Ahead, repeat: int) -> Row:
    marker = again(ahead.flow_index)
    # Each run has sessions of its own; no captured one has a name that begins so.
    session = f"\0{repeat}\0{ahead.session}"
    slot = ReplayKey("", repeat, ahead.flow_index).slot
    return Row(slot, session, ahead.idempotent, marker, marker)

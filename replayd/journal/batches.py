"""Listing batches. See `Journal`."""

from replayd.codec.controls import decode_controls
from replayd.journal.batch import Batch, Tally, ended_of
from replayd.journal.interface import BatchPage, ListedBatch
from replayd.journal.ledger import Ledger
from replayd.journal.store import StoredBatch


class Batches:
    """The reader of batches as a whole."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def list(self, position: int, limit: int, *, unfinished: bool) -> BatchPage:
        """Lists some more batches from a position on."""
        return self._unfinished(position, limit) if unfinished else self._all(position, limit)

    def _unfinished(self, position: int, limit: int) -> BatchPage:
        ledger = self._ledger
        with ledger.state:
            # In the order of acceptance; copied as a whole, for it may change meanwhile.
            live = list(ledger.books.live.values())
        later = [batch for batch in live if batch.position >= position]
        with ledger.state:
            listed = [_of_live(batch) for batch in later[:limit]]
        more = len(later) > limit
        return BatchPage(listed, later[limit].position if more else 0, more)

    def _all(self, position: int, limit: int) -> BatchPage:
        ledger = self._ledger
        listed: list[ListedBatch] = []
        while len(listed) <= limit:
            with ledger.writing:
                ledger.check_open()
                stored = ledger.store.batch_from(position)
                if stored is None:
                    return BatchPage(listed, 0, more=False)
                if len(listed) == limit:
                    break
                with ledger.state:
                    live = ledger.books.live.get(stored.batch_id)
                    listed.append(_of_stored(stored) if live is None else _of_live(live))
            position = stored.position + 1
        return BatchPage(listed, position, more=True)


def _of_live(batch: Batch) -> ListedBatch:
    tally = batch.tally
    return ListedBatch(batch.batch_id, batch.label, tally.accepted, tally.counts(), batch.controls)


def _of_stored(stored: StoredBatch) -> ListedBatch:
    counts = Tally(stored.accepted, ended_of(stored.figures)).counts()
    controls = decode_controls(stored.controls)
    return ListedBatch(stored.batch_id, stored.label, stored.accepted, counts, controls)

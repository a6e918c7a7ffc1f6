"""Request ids: which Enqueues are under way, and what the others were answered. See `Journal`."""

from replayd.errors import ReplaydError
from replayd.journal.interface import Receipt
from replayd.journal.ledger import Ledger
from replayd.journal.store import Remembered, StoredBatch
from replayd.reasons import Reason


class RequestIds:
    """The ids that are claimed; what is remembered of the others is the store's."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._claims: set[str] = set()
        """Of Enqueues under way; guarded by the ledger's `state` lock."""

    def reserve(self, request_id: str, content_hash: bytes | None) -> Receipt | None:
        """Claims a request_id or returns its receipt."""
        with self._ledger.state:
            if request_id in self._claims:
                raise ReplaydError(
                    Reason.REQUEST_IN_PROGRESS,
                    f"an Enqueue with request_id {request_id!r} is under way; try again later",
                    request_id=request_id,
                )
            self._claims.add(request_id)
        answered = self._answered(request_id)
        if answered is None:
            return None
        self.release(request_id)
        if content_hash is not None and content_hash != answered.content_hash:
            raise ReplaydError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id!r} was used for other flows or other options; "
                "choose a new one",
                request_id=request_id,
            )
        return Receipt(answered.answer, answered.sequence, duplicate=True)

    def release(self, request_id: str) -> None:
        """Gives up a claim."""
        with self._ledger.state:
            self.forget(request_id)

    def forget(self, request_id: str) -> None:
        """Gives up a claim; call it with the ledger's `state` held."""
        self._claims.discard(request_id)

    def _answered(self, request_id: str) -> Remembered | None:
        """Returns what is remembered; gives up the claim when it raises."""
        try:
            with self._ledger.writing:
                self._ledger.check_open()
                found = self._ledger.store.remembered(request_id)
                if found is not None and found.unanswered:
                    raise _incomplete(found, self._ledger.store.batch(found.unanswered))
        except ReplaydError:
            self.release(request_id)
            raise
        return found


def _incomplete(remembered: Remembered, batch: StoredBatch | None) -> ReplaydError:
    """Says what an Enqueue left that queued a part and was never answered."""
    queued: dict[str, str | int] = {}
    if batch is not None:
        queued = {"accepted_count": batch.accepted, "last_index": batch.last}
    return ReplaydError(
        Reason.REQUEST_INCOMPLETE,
        f"an Enqueue with request_id {remembered.request_id!r} and stream broke off; what it had "
        f"queued stays queued, as batch {remembered.unanswered!r}. Enqueue the flows after its "
        "last one under a new request_id",
        request_id=remembered.request_id,
        batch_id=remembered.unanswered,
        **queued,
    )

"""A page of ListBatches: for a thread.

A page token says where the next page begins, and of which batches.
"""

from flowreplay.v1 import history_pb2

from replayd.codec.controls import controls_message
from replayd.journal.interface import Journal, ListedBatch
from replayd.rpc.paging import PageTokens, page_size

_TOKENS = PageTokens(">Q?", "ListBatches", "batches")


def batch_page(
    journal: Journal, request: history_pb2.ListBatchesRequest, cursor: str
) -> history_pb2.ListBatchesResponse:
    """Makes a page. Raises ReplaydError INVALID_OPTIONS, or as `Journal.batches` does."""
    size, position, unfinished = page_size(request.page_size), 0, request.unfinished
    if request.page_token:
        (position,) = _TOKENS.place(request.page_token, unfinished)
    page = journal.batches(position, size, unfinished=unfinished)
    answer = history_pb2.ListBatchesResponse(batches=map(_message, page.batches), cursor=cursor)
    if page.more:
        answer.next_page_token = _TOKENS.token(page.position, unfinished)
    return answer


def _message(batch: ListedBatch) -> history_pb2.Batch:
    counts = batch.counts
    return history_pb2.Batch(
        batch_id=batch.batch_id,
        label=batch.label,
        accepted_count=batch.accepted,
        queued_count=counts.queued,
        running_count=counts.running,
        succeeded_count=counts.succeeded,
        failed_count=counts.failed,
        killed_count=counts.killed,
        cleared_count=counts.cleared,
        interrupted_count=counts.interrupted,
        open=counts.open_batches > 0,
        controls=controls_message(batch.controls),
    )

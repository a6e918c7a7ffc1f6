"""A page of ListBatches: for a thread.

A page token says where the next page begins, and of which batches.
"""

import base64
import binascii
import struct

from flowreplay.v1 import history_pb2

from replayd.codec.controls import controls_message
from replayd.errors import FieldError
from replayd.journal.interface import Journal, ListedBatch
from replayd.rpc.listing import MAX_PAGE_SIZE, PAGE_SIZE

_TOKEN = struct.Struct(">Q?")


def batch_page(
    journal: Journal, request: history_pb2.ListBatchesRequest, cursor: str
) -> history_pb2.ListBatchesResponse:
    """Makes a page. Raises ReplaydError INVALID_OPTIONS, or as `Journal.batches` does."""
    if not 0 <= request.page_size <= MAX_PAGE_SIZE:
        raise FieldError("page_size", f"has to be from 0 to {MAX_PAGE_SIZE}")
    page = journal.batches(
        _position(request), request.page_size or PAGE_SIZE, unfinished=request.unfinished
    )
    answer = history_pb2.ListBatchesResponse(batches=map(_message, page.batches), cursor=cursor)
    if page.more:
        token = _TOKEN.pack(page.position, request.unfinished)
        answer.next_page_token = base64.urlsafe_b64encode(token).decode()
    return answer


def _position(request: history_pb2.ListBatchesRequest) -> int:
    if not request.page_token:
        return 0
    try:
        packed = base64.b64decode(request.page_token.encode(), b"-_", validate=True)
        position, unfinished = _TOKEN.unpack(packed)
    except (UnicodeEncodeError, binascii.Error, struct.error):
        raise FieldError("page_token", "is none that ListBatches gave") from None
    if unfinished != request.unfinished:
        raise FieldError("page_token", "is of a request for other batches; ask for the same")
    return int(position)


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

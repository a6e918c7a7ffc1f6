"""`--wait`: follows batches until each of their replays has an outcome."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.history_pb2 import SummarizeResponse
from flowreplay.v1.replay_pb2 import EnqueueResponse
from flowreplay_client import Client, ReplaydClientError

from replayctl.absence import Absence
from replayctl.notes import tell_how_to_follow, tell_paused
from replayctl.printable import printable
from replayctl.progress import progress_bar
from replayctl.summary import ended_by


class Queued(Protocol):
    """A batch, as the answer of the call that queued it has it."""

    batch_id: str
    accepted_count: int
    cursor: str
    """Before the batch's first event."""


def outcomes(
    client: Client, batches: Sequence[Queued], assertions: Sequence[str]
) -> Iterator[SummarizeResponse]:
    """Yields what became of each batch, in their order, once it is through.

    Interrupted, or without a daemon for too long, it says of each batch that is left how
    to follow it further: the daemon goes on with it.
    """
    for number, batch in enumerate(batches):
        try:
            _follow(client, batch)
            summary = client.summarize(batch.batch_id, assertions)
        except (KeyboardInterrupt, ReplaydClientError):
            for left in batches[number:]:
                tell_how_to_follow(left.cursor, left.batch_id)
            raise
        yield summary


def _follow(client: Client, batch: Queued) -> None:
    absence = Absence(client.address, gives_up=True)
    watch = client.watch(
        start=batch.cursor,
        batch_id=batch.batch_id,
        kinds=("response", "error", "update"),
        until_idle=True,
        on_interruption=absence.interrupted,
        on_return=absence.returned,
    )
    label = f"batch {printable(batch.batch_id)}"
    with watch, progress_bar(label, _count(batch)) as advance:
        if watch.paused:
            tell_paused(batch.batch_id, perhaps=True)
        done = 0
        for event in watch:
            # Not for a pause of the past that has been resumed since.
            if event.update.kind == pb.UPDATE_KIND_PAUSED and watch.paused:
                tell_paused(event.batch_id)
            done += ended_by(event, batch.batch_id)
            advance(done)


def _count(batch: Queued) -> int:
    """How many replays a batch has, by what it was answered with."""
    repeated = batch.replay_count if isinstance(batch, EnqueueResponse) else 0
    return repeated or batch.accepted_count

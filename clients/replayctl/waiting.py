"""`--wait`: follows batches until each of their replays has an outcome."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from flowreplay.v1 import event_pb2 as pb
from flowreplay_client import Client, ReplaydClientError

from replayctl.absence import Absence
from replayctl.notes import tell_how_to_follow, tell_paused
from replayctl.outcome import Outcome
from replayctl.printable import printable
from replayctl.progress import progress_bar


class Queued(Protocol):
    """A batch, as the answer of the call that queued it has it."""

    batch_id: str
    accepted_count: int
    cursor: str
    """Before the batch's first event."""


def outcomes(client: Client, batches: Sequence[Queued]) -> Iterator[Outcome]:
    """Yields what became of each batch, in their order, once it is through.

    Interrupted, or without a daemon for too long, it says of each batch that is left how
    to follow it further: the daemon goes on with it.
    """
    for number, batch in enumerate(batches):
        outcome = Outcome(batch.batch_id)
        try:
            _follow(client, batch, outcome)
            outcome.close(client.count(batch.batch_id))
        except (KeyboardInterrupt, ReplaydClientError):
            for left in batches[number:]:
                tell_how_to_follow(left.cursor, left.batch_id)
            raise
        yield outcome


def _follow(client: Client, batch: Queued, outcome: Outcome) -> None:
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
    with watch, progress_bar(label, batch.accepted_count) as advance:
        if watch.paused:
            tell_paused()
        done = 0
        for event in watch:
            # Not for a pause of the past that has been resumed since.
            if event.update.kind == pb.UPDATE_KIND_PAUSED and watch.paused:
                tell_paused()
            done += outcome.add(event)
            advance(done)

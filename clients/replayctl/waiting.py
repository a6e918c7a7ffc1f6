"""`enqueue --wait`: follows a batch until each of its replays has an outcome."""

from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.replay_pb2 import EnqueueResponse
from flowreplay_client import Client, ReplaydClientError

from replayctl.outcome import Outcome
from replayctl.output import note
from replayctl.printable import printable
from replayctl.progress import progress_bar

_PAUSED = "the queue is paused; waiting until `replayctl resume`"


def wait_for(client: Client, batch: EnqueueResponse) -> Outcome:
    """Returns what became of a batch once it is through.

    Interrupted, it says how to follow the batch further: the daemon goes on with it.
    """
    outcome = Outcome(batch.batch_id)
    try:
        _follow(client, batch, outcome)
    except (KeyboardInterrupt, ReplaydClientError):
        note(
            f"batch {batch.batch_id} goes on without us; follow it with "
            f"`replayctl watch --batch {batch.batch_id} --from {batch.cursor} --until-idle`"
        )
        raise
    outcome.close(client.count(batch.batch_id))
    return outcome


def _follow(client: Client, batch: EnqueueResponse, outcome: Outcome) -> None:
    watch = client.watch(
        start=batch.cursor,
        batch_id=batch.batch_id,
        kinds=("response", "error", "update"),
        until_idle=True,
        on_interruption=_tell,
    )
    label = f"batch {printable(batch.batch_id)}"
    with watch, progress_bar(label, batch.accepted_count) as advance:
        if watch.paused:
            note(_PAUSED)
        done = 0
        for event in watch:
            # Not for a pause of the past that has been resumed since.
            if event.update.kind == pb.UPDATE_KIND_PAUSED and watch.paused:
                note(_PAUSED)
            done += outcome.add(event)
            advance(done)


def _tell(error: ReplaydClientError) -> None:
    note(f"lost the daemon, trying again: {error.message}")

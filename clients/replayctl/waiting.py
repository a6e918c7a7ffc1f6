"""`enqueue --wait`: follows a batch until each of its replays has an outcome."""

from flowreplay.v1 import event_pb2 as pb
from flowreplay.v1.replay_pb2 import EnqueueResponse
from flowreplay_client import Client, ReplaydClientError

from replayctl.notes import tell_interruption, tell_paused
from replayctl.outcome import Outcome
from replayctl.output import note
from replayctl.printable import printable
from replayctl.progress import progress_bar


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
        on_interruption=tell_interruption,
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

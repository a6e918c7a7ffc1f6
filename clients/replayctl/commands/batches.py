"""`replayctl batches`: what is on the queue, batch by batch."""

from datetime import date, datetime

import click
from flowreplay.v1.history_pb2 import Batch

from replayctl.connect import Globals, pass_globals
from replayctl.events import clock_time
from replayctl.printable import printable

_COUNTS = ("queued", "running", "succeeded", "failed", "killed", "cleared", "interrupted")


@click.command("batches")
@click.option("--all", "ended", is_flag=True, help="Those too of which nothing is left to do.")
@pass_globals
def command(options: Globals, ended: bool) -> None:
    """List batches in the order in which they were accepted.

    Of each: how many of its replays are in each state, its priority, whether it is paused, and
    whose it is.
    """
    today = datetime.now().astimezone().date()
    with options.client() as client:
        for batch in client.batches(unfinished=not ended):
            options.output.show(batch, _line(batch, today))


def _line(batch: Batch, today: date) -> str:
    controls = batch.controls
    counts = ((getattr(batch, f"{name}_count"), name) for name in _COUNTS)
    said = [", ".join(f"{count} {name}" for count, name in counts if count) or "empty"]
    said += ["still being read"] * batch.open + ["paused"] * controls.paused
    if controls.priority:
        said.append(f"priority {controls.priority}")
    if batch.label:
        said.append(f"({printable(batch.label)})")
    if controls.owner:
        said.append(f"for {printable(controls.owner)}")
    if controls.HasField("accept_time"):
        said.append(clock_time(controls.accept_time, today))
    return "  ".join([printable(batch.batch_id), *said])

"""`replayctl resolve`: sends parked replays again, or drops them."""

from collections.abc import Sequence

import click
from flowreplay.v1.replay_pb2 import ResolveResponse
from flowreplay_client import RESOLUTIONS

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import batch_option
from replayctl.printable import printable


@click.command("resolve")
@click.argument("replays", metavar="[REPLAY]...", nargs=-1)
@click.argument("resolution", type=click.Choice(list(RESOLUTIONS)))
@batch_option("All parked replays of this batch.")
@pass_globals
def command(options: Globals, replays: tuple[str, ...], resolution: str, batch_id: str) -> None:
    """Send parked replays again, or drop them.

    Parked are those that ended INTERRUPTED: the daemon died while they ran, and nobody knows
    whether their server got them. `replayctl list --parked` has them. Those of one batch
    are resolved together or not at all; each can be resolved once.
    """
    if bool(replays) == bool(batch_id):
        raise click.UsageError("name replays, or a batch with --batch")
    with options.client() as client:
        for of_one in [()] if batch_id else _by_batch(replays):
            done = client.resolve(resolution, of_one, batch_id=batch_id)
            options.output.show(done, _line(done))


def _by_batch(replays: Sequence[str]) -> Sequence[Sequence[str]]:
    batches: dict[str, list[str]] = {}
    for replay in replays:
        batches.setdefault(replay.partition(".")[0], []).append(replay)
    return list(batches.values())


def _line(done: ResolveResponse) -> str:
    count = done.resolved_count
    what = f"{count} replay{'' if count == 1 else 's'}"
    if done.resent_batch_id:
        return f"{what} sent again as batch {printable(done.resent_batch_id)}"
    return f"{what} dropped" if count else "nothing is parked"

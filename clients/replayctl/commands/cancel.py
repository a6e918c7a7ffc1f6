"""`replayctl cancel`: takes replays off the queue, and kills what runs of them."""

import click
from flowreplay.v1.replay_pb2 import CancelledReplay

from replayctl.connect import Globals, pass_globals
from replayctl.events import state_name
from replayctl.printable import printable


@click.command("cancel")
@click.argument("replays", metavar="REPLAY...", nargs=-1, required=True)
@pass_globals
def command(options: Globals, replays: tuple[str, ...]) -> None:
    """Cancel replays, by their ids: what waits is taken off the queue, what runs is killed.

    What has ended stays as it is. `replayctl list` has the ids.
    """
    with options.client() as client:
        done = client.cancel(replays)
    options.output.show(done, *map(_line, done.replays))


def _line(replay: CancelledReplay) -> str:
    state = state_name(replay.state)
    what = state if replay.changed else f"had ended: {state}"
    return f"{printable(replay.replay_id)} {what}"

"""`replayctl list`: what became of replays, or what is parked."""

from datetime import date, datetime
from typing import Unpack

import click
from flowreplay.v1 import event_pb2
from flowreplay.v1.history_pb2 import Replay
from flowreplay_client import ListSettings, state_names

from replayctl.connect import Globals, pass_globals
from replayctl.events import clock_time, enum_name, reason_name, state_name
from replayctl.options.batch import batch_option
from replayctl.printable import printable

_ABOUT_WIDTH = 12
_STATE_WIDTH = 11


@click.command("list")
@batch_option()
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(state_names()),
    help="Only those in this state. Repeatable.",
)
@click.option(
    "--parked",
    is_flag=True,
    help="Only those that a crash interrupted and nobody has resolved (`replayctl resolve`).",
)
@click.option(
    "--filter",
    default="",
    metavar="EXPR",
    help="Only those that this filter finds, in mitmproxy's notation: '~m POST & ~c 500'.",
)
@pass_globals
def command(options: Globals, **settings: Unpack[ListSettings]) -> None:
    """List replays in the order of the queue: state, request, and how it ended."""
    today = datetime.now().astimezone().date()
    with options.client() as client:
        for replay in client.replays(**settings):
            options.output.show(replay, _line(replay, today))


def _line(replay: Replay, today: date) -> str:
    about = f"{printable(replay.replay_id):<{_ABOUT_WIDTH}}"
    what = f"{printable(replay.method)} {printable(replay.url)}"
    ended = [clock_time(replay.end_time, today)] if replay.HasField("end_time") else []
    parts = [f"{state_name(replay.state):<{_STATE_WIDTH}}", what, *_outcome(replay), *ended]
    return "  ".join([about, *parts])


def _outcome(replay: Replay) -> list[str]:
    told = []
    if replay.status_code:
        recorded = replay.recorded_status_code
        other = f" (recorded {recorded})" if recorded not in (0, replay.status_code) else ""
        told.append(f"{replay.status_code}{other}")
    if replay.reason:
        told.append(reason_name(replay.reason))
    if replay.attempt > 1:
        told.append(f"attempt {replay.attempt}")
    if replay.resolution:
        name = enum_name(event_pb2.Resolution.DESCRIPTOR, replay.resolution, "RESOLUTION_")
        told.append(f"resolved: {name} {printable(replay.resent_replay_id)}".rstrip())
    if replay.awaited_replay_id:
        told.append(f"waits for {printable(replay.awaited_replay_id)}")
    if replay.resends_replay_id:
        told.append(f"sends {printable(replay.resends_replay_id)} again")
    return [", ".join(told)] if told else []

"""The options about time: of `enqueue`."""

import click
from flowreplay.v1.replay_pb2 import EnqueueOptions
from flowreplay_client import PaceSettings, fill_pace, parse_pace

from replayctl.options.making import checking, together

PACE = "asap|recorded|recorded*SPEED|RATE/s"
"""How a pace is written."""


MAX_REPEATS = 2048
"""The contract's limit."""


check_pace = checking(parse_pace)
"""Refuses what is no pace."""


def check_pace_settings(settings: PaceSettings) -> None:
    """Refuses what contradicts another option."""
    try:
        fill_pace(EnqueueOptions(), settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _check_time(value: str) -> None:
    fill_pace(EnqueueOptions(), {"from_time": value})


pace_options = together(
    click.option(
        "--pace",
        default="asap",
        show_default=True,
        callback=check_pace,
        metavar=PACE,
        help="When replays are due: as soon as possible, as the recorded requests began (or that "
        "many times as fast), or evenly (also /m and /h). None starts early.",
    ),
    click.option(
        "--max-gap",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="With --pace recorded, cut longer times between two recorded requests to this.",
    ),
    click.option(
        "--from-time",
        default="",
        callback=checking(_check_time),
        metavar="TIME",
        help="Take only flows whose request began then or later: a time such as "
        "2026-05-01T12:00:00Z, or seconds after the first flow.",
    ),
    click.option(
        "--to-time",
        default="",
        callback=checking(_check_time),
        metavar="TIME",
        help="Take only flows whose request began before that.",
    ),
    click.option(
        "--repeat",
        type=click.IntRange(1, MAX_REPEATS),
        default=1,
        show_default=True,
        metavar="N",
        help="Replay the flows so often, each run after the one before.",
    ),
)
"""Adds them to a command, with the names of `flowreplay_client.PaceSettings`."""

"""`replayctl pace`: when the replays of a batch are due."""

import click
from flowreplay.v1.replay_pb2 import GetPaceResponse

from replayctl.connect import Globals, pass_globals
from replayctl.options.pace import PACE, check_pace, check_pace_settings


@click.command("pace")
@click.argument("batch", metavar="BATCH")
@click.argument("pace", metavar=f"[{PACE}]", default="", callback=check_pace)
@click.option(
    "--max-gap",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="With the pace recorded, cut longer times between two recorded requests to this.",
)
@pass_globals
def command(options: Globals, batch: str, pace: str, max_gap: float | None) -> None:
    """Change when the replays of a batch are due; without a pace, tell it.

    The schedule goes on from the last replay that was taken, or, where the pace is of
    another kind, begins anew with the next one.
    """
    check_pace_settings({"pace": pace, "max_gap": max_gap})
    with options.client() as client:
        if pace:
            changed = client.set_pace(batch, pace, max_gap)
            options.output.show(changed, f"{pace}{'' if changed.changed else ' already'}")
        else:
            told = client.get_pace(batch)
            options.output.show(told, *_lines(told))


def _lines(told: GetPaceResponse) -> list[str]:
    pace = told.pace
    words = "asap"
    if pace.recorded_speed:
        words = "recorded" if pace.recorded_speed == 1 else f"recorded*{pace.recorded_speed:g}"
    elif pace.rate:
        words = f"{pace.rate:g}/s"
    if pace.HasField("max_gap_duration"):
        words += f", no gap over {pace.max_gap_duration.ToMilliseconds() / 1000:g} s"
    if not told.replay_count:
        return [words]
    mean, greatest = told.mean_lag_duration, told.greatest_lag_duration
    lag = f"{mean.ToMicroseconds() / 1000:.1f} ms on average"
    most = f"{greatest.ToMicroseconds() / 1000:.1f} ms at most"
    return [words, f"late: {lag}, {most}, of {told.replay_count} replays"]

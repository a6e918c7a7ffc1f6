"""`replayctl target`: what targets are asked to bear."""

from datetime import datetime

import click

from replayctl.connect import Globals, pass_globals
from replayctl.options.batch import named
from replayctl.targets import target_line

_UNITS = {"s": 1, "m": 60, "h": 3600}


def _rate(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    count, _, unit = value.partition("/")
    try:
        return float(count) / _UNITS[unit]
    except (ValueError, KeyError) as error:
        raise click.BadParameter(
            f"{value!r} is none; write replays a second, minute or hour: 10/s, 30/m, 0/s"
        ) from error


@click.command("target")
@click.argument("pattern", default="", callback=named)
@click.option(
    "--rate",
    callback=_rate,
    metavar="N/s",
    help="So many replays may begin a second (/m: a minute, /h: an hour); 0/s: any number.",
)
@click.option(
    "--close-breaker", is_flag=True, help="Have replays go again to those that are left alone."
)
@pass_globals
def command(options: Globals, *, pattern: str, rate: float | None, close_breaker: bool) -> None:
    """Set what targets are asked to bear, until the daemon ends.

    PATTERN names them by what is dialled: HOST, *.DOMAIN, IP, CIDR, each with :PORT, or *;
    without one all are meant for which nothing else is set. Prints the targets that are known.
    """
    if rate is None and not close_breaker:
        raise click.UsageError("name --rate or --close-breaker; `replayctl status` lists targets")
    today = datetime.now().astimezone().date()
    with options.client() as client:
        done = client.set_target_limit(pattern, rate=rate, close_breaker=close_breaker)
    options.output.show(done, *(target_line(target, today) for target in done.targets))

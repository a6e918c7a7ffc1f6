"""`replayctl watch`: follows events."""

from datetime import datetime
from typing import Unpack

import click
from flowreplay_client import Client, EventsCompacted, Unreachable, Watch, WatchSettings, kind_names

from replayctl.absence import Absence
from replayctl.connect import Globals, pass_globals
from replayctl.contents import MOST_BYTES
from replayctl.events import event_lines
from replayctl.notes import tell_how_to_follow, tell_paused
from replayctl.options.batch import batch_option
from replayctl.output import Output, note


@click.command("watch")
@click.option(
    "--from",
    "start",
    default="now",
    show_default=True,
    metavar="CURSOR|start|now",
    help="After this cursor, from the oldest event that is kept, or from now.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(kind_names()),
    multiple=True,
    help="Only this kind. Repeatable.  [default: all; text shows requests only with --bodies]",
)
@batch_option()
@click.option(
    "--filter",
    default="",
    metavar="EXPR",
    help="Only replays that this filter finds, in mitmproxy's notation: '~m POST & ~c 500'.",
)
@click.option("--until-idle", is_flag=True, help="End when nothing waits or runs any more.")
@click.option("--bodies", is_flag=True, help="Show contents, at most 1 MiB of each.")
@click.option(
    "--secrets", is_flag=True, help="Show credentials and what else the log has marks for."
)
@click.option("--skip-gaps", is_flag=True, help="Go on where events were compacted away.")
@pass_globals
def command(options: Globals, *, bodies: bool, **settings: Unpack[WatchSettings]) -> None:
    """Follow events, one line each, across restarts of the daemon.

    It misses nothing: after a lost connection it goes on where it was, and waits for the
    daemon for ever; with --until-idle for 60 seconds. When it ends early it says the
    cursor to go on from.
    """
    settings["kinds"] = settings["kinds"] or _default_kinds(options.output, bodies=bodies)
    if bodies:
        settings["content_limit"] = MOST_BYTES
    try:
        with options.client() as client, _watch(client, settings) as watch:
            if settings["until_idle"] and watch.paused:
                tell_paused(settings["batch_id"], perhaps=True)
            _print(watch, settings["batch_id"], options.output, bodies=bodies)
    except EventsCompacted as error:
        error.add_note("with --skip-gaps it goes on with the oldest event that is kept")
        raise


def _watch(client: Client, settings: WatchSettings) -> Watch:
    # Without an end to wait for, only the user knows when it is enough.
    absence = Absence(client.address, gives_up=settings["until_idle"])
    return client.watch(on_interruption=absence.interrupted, on_return=absence.returned, **settings)


def _print(watch: Watch, batch_id: str, output: Output, *, bodies: bool) -> None:
    try:
        for event in watch:
            today = datetime.now().astimezone().date()
            lines = () if output.as_json else event_lines(event, output.style, today, bodies=bodies)
            output.show(event, *lines)
    except KeyboardInterrupt:
        note(f"go on with --from {watch.cursor}")
        raise
    except Unreachable:
        tell_how_to_follow(watch.cursor, batch_id)
        raise


def _default_kinds(output: Output, *, bodies: bool) -> list[str]:
    # In text the outcome's line says what was sent; a line before it would say it twice.
    if output.as_json or bodies:
        return []
    return [kind for kind in kind_names() if kind != "request"]

"""The options about live values: of `enqueue`."""

from collections.abc import Callable
from typing import TypeVar

import click
from flowreplay_client import LIVE_SCOPES

Command = TypeVar("Command", bound=Callable[..., object])


def live_options(command: Command) -> Command:
    """Adds them to a command, with the names of `flowreplay_client.LiveSettings`."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


_OPTIONS = (
    click.option(
        "--sticky-cookies",
        is_flag=True,
        help="Send the cookies that the replayed server sets, in the place of recorded ones.",
    ),
    click.option(
        "--carry",
        multiple=True,
        metavar="SOURCE",
        help="Put what the replayed answer has there in the place of what the recorded one had, "
        "in all later requests: 'json:$.token', 'header:NAME[:REGEX]', "
        '\'regex:name="csrf" value="([^"]+)"\'. Repeatable.',
    ),
    click.option(
        "--live-scope",
        type=click.Choice(list(LIVE_SCOPES)),
        default="batch",
        show_default=True,
        help="Who shares those cookies and values: all of the batch, or the flows of one session "
        "(connection). Who shares them runs in order.",
    ),
)

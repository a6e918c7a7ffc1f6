"""The options about live values: of `enqueue`."""

import click
from flowreplay_client import LIVE_SCOPES

from replayctl.options.making import together

live_options = together(
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
"""Adds them to a command, with the names of `flowreplay_client.LiveSettings`."""

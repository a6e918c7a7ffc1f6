"""The options that say when a batch is taken: of `enqueue`."""

import click

from replayctl.options.making import short, together

PRIORITY = click.IntRange(-1000, 1000)

steering_options = together(
    click.option(
        "--priority",
        type=PRIORITY,
        default=0,
        show_default=True,
        metavar="N",
        help="Take batches of a higher priority first, from -1000 to 1000.",
    ),
    click.option(
        "--paused", is_flag=True, help="Let the batch wait until `replayctl resume --batch`."
    ),
    click.option(
        "--owner",
        default="",
        callback=short,
        help="Whose the batch is, to 200 characters; with a token it is its holder's.",
    ),
)
"""Adds them to a command, with the names of `flowreplay_client.SteeringSettings`."""

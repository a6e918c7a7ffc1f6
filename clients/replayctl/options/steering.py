"""The options that say when a batch is taken: of `enqueue`."""

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

PRIORITY = click.IntRange(-1000, 1000)

_TEXT_LIMIT = 200
"""Characters of an owner: the contract's limit."""


def steering_options(command: Command) -> Command:
    """Adds them to a command, with the names of `flowreplay_client.SteeringSettings`."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def _short(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if len(value) > _TEXT_LIMIT:
        raise click.BadParameter(f"{len(value)} characters are more than {_TEXT_LIMIT}")
    return value


_OPTIONS = (
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
        callback=_short,
        help="Whose the batch is, to 200 characters; with a token it is its holder's.",
    ),
)

"""`--fail-on`: what must not be of a batch, for the daemon to judge."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from flowreplay_client import Client, ReplaydClientError

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT = "error"


def fail_on_option(help_text: str, *, default: str = DEFAULT) -> Callable[[Command], Command]:
    """Adds the option: a list of assertions."""
    return click.option(
        "--fail-on",
        default=default,
        show_default=bool(default),
        metavar="WHAT[,WHAT...]",
        callback=_assertions,
        help=help_text,
    )


def check_assertions(client: Client, assertions: Sequence[str]) -> None:
    """Has the daemon read them before anything is done. Raises UsageError."""
    if list(assertions) == [DEFAULT]:
        return
    try:
        client.summarize("", assertions)
    except ReplaydClientError as error:
        if error.reason != "INVALID_OPTIONS":
            raise
        raise click.UsageError(f"--fail-on: {error.message}") from error


def _assertions(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names and value != parameter.get_default(context):
        raise click.BadParameter("nothing can't be named here; name such as error or p95>300ms")
    return names

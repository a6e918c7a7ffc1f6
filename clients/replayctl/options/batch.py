"""`--batch`: one batch in place of all."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Command = TypeVar("Command", bound=Callable[..., Any])


def batch_option(help_text: str = "Only this batch.") -> Callable[[Command], Command]:
    """Adds the option."""
    return click.option(
        "--batch", "batch_id", default="", metavar="BATCH", callback=named, help=help_text
    )


def named(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuses what was given and is empty, as an unset variable of a script is: it would mean all.
    Raises BadParameter.
    """
    given = context.get_parameter_source(parameter.name or "")
    if not value and given is not ParameterSource.DEFAULT:
        raise click.BadParameter("it is empty; name one, or leave it out", context, parameter)
    return value

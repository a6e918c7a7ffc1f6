"""What options are made with: groups of them, and callbacks that refuse what has no meaning."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])
Read = TypeVar("Read")

TEXT_LIMIT = 200
"""Characters of a label, an owner and a request id: the contract's limit."""


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Returns what adds options to a command, to be listed in this order."""

    def add_all(command: Command) -> Command:
        for add in reversed(options):
            command = add(command)
        return command

    return add_all


def reading(
    parse: Callable[[str], Read],
) -> Callable[[click.Context, click.Parameter, Sequence[str]], list[Read]]:
    """Has each value of a repeatable option read by a function that raises ValueError."""

    def read(
        _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
    ) -> list[Read]:
        try:
            return [parse(text) for text in given]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def checking(
    check: Callable[[str], object],
) -> Callable[[click.Context, click.Parameter, str], str]:
    """Has a value refused by a function that raises ValueError, else taken as it is written."""

    def checked(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        try:
            check(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        return value

    return checked


def _check_length(value: str) -> None:
    if len(value) > TEXT_LIMIT:
        raise ValueError(f"{len(value)} characters are more than {TEXT_LIMIT}")


short = checking(_check_length)
"""Refuses what is longer than the contract allows."""

"""The options that say how responses are compared: of `enqueue`, and some of `diff`."""

import click

from replayctl.options.making import together

IGNORE = click.option(
    "--ignore",
    "ignored_differences",
    multiple=True,
    metavar="RULE",
    help="Leave this out when responses are compared: status, header:ETag, json:$.items[*].id, "
    "order:$.items, body, body:REGEX. Repeatable.",
)

VOLATILE = click.option(
    "--no-default-ignores",
    "compare_volatile",
    is_flag=True,
    help="Compare also what changes with every answer: dates, ids of requests, UUIDs.",
)


comparing_options = together(
    click.option(
        "--compare/--no-compare",
        "compare",
        default=True,
        help="Compare responses with the recorded ones.  [default: compare]",
    ),
    IGNORE,
    VOLATILE,
    click.option(
        "--learn-noise",
        is_flag=True,
        help="Send idempotent requests whose responses differ once more, and leave out what "
        "differs between the two answers.",
    ),
)
"""Adds them to a command, with the names of `flowreplay_client.CompareSettings`."""

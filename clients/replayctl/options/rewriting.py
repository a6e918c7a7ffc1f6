"""The options that rewrite requests: of `enqueue`."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click
from flowreplay_client import (
    parse_map_remote,
    parse_modify_body,
    parse_modify_headers,
    parse_parameter,
    parse_set_header,
)

Command = TypeVar("Command", bound=Callable[..., object])
Rule = TypeVar("Rule")


def rewriting_options(command: Command) -> Command:
    """Adds them to a command, with the names of `flowreplay_client.RewriteSettings`."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def _read(
    parse: Callable[[str], Rule],
) -> Callable[[click.Context, click.Parameter, Sequence[str]], list[Rule]]:
    def read(
        _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
    ) -> list[Rule]:
        try:
            return [parse(text) for text in given]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


_OPTIONS = (
    click.option(
        "--target",
        default="",
        metavar="URL",
        help="Send all requests to this scheme, host and port, its path put before theirs; Host "
        "and SNI follow.",
    ),
    click.option(
        "--map-remote",
        multiple=True,
        callback=_read(parse_map_remote),
        metavar="[|FILTER]|URL-REGEX|REPLACEMENT",
        help="Rewrite URLs, as in mitmproxy. Repeatable.",
    ),
    click.option(
        "--modify-headers",
        multiple=True,
        callback=_read(parse_modify_headers),
        metavar="[/FILTER]/NAME/[@]VALUE",
        help="Set a header field, as in mitmproxy: @ reads a file, an empty value removes the "
        "field. Repeatable.",
    ),
    click.option(
        "--modify-body",
        multiple=True,
        callback=_read(parse_modify_body),
        metavar="[/FILTER]/REGEX/[@]REPLACEMENT",
        help="Rewrite contents, as in mitmproxy: @ reads a file. Repeatable.",
    ),
    click.option(
        "--set-header",
        "set_headers",
        multiple=True,
        callback=_read(parse_set_header),
        metavar="'NAME: VALUE'",
        help="Set a header field, where it stands. Repeatable.",
    ),
    click.option(
        "--remove-header",
        "remove_headers",
        multiple=True,
        metavar="NAME",
        help="Remove a header field. Repeatable.",
    ),
    click.option(
        "--set-query",
        multiple=True,
        callback=_read(parse_parameter),
        metavar="NAME=VALUE",
        help="Set a parameter of the URL's query. Repeatable.",
    ),
    click.option(
        "--set-cookie",
        "set_cookies",
        multiple=True,
        callback=_read(parse_parameter),
        metavar="NAME=VALUE",
        help="Set a cookie. Repeatable.",
    ),
    click.option(
        "--host",
        default="",
        metavar="HOST[:PORT]",
        help="What Host says, apart from where the request goes.",
    ),
    click.option(
        "--server-name",
        default="",
        metavar="NAME",
        help="The name that TLS asks for (SNI), apart from where the request goes.",
    ),
)

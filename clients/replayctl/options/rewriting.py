"""The options that rewrite requests: of `enqueue`."""

import click
from flowreplay_client import (
    parse_map_remote,
    parse_modify_body,
    parse_modify_headers,
    parse_parameter,
    parse_set_header,
)

from replayctl.options.making import reading, together

rewriting_options = together(
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
        callback=reading(parse_map_remote),
        metavar="[|FILTER]|URL-REGEX|REPLACEMENT",
        help="Rewrite URLs, as in mitmproxy. Repeatable.",
    ),
    click.option(
        "--modify-headers",
        multiple=True,
        callback=reading(parse_modify_headers),
        metavar="[/FILTER]/NAME/[@]VALUE",
        help="Set a header field, as in mitmproxy: @ reads a file, an empty value removes the "
        "field. Repeatable.",
    ),
    click.option(
        "--modify-body",
        multiple=True,
        callback=reading(parse_modify_body),
        metavar="[/FILTER]/REGEX/[@]REPLACEMENT",
        help="Rewrite contents, as in mitmproxy: @ reads a file. Repeatable.",
    ),
    click.option(
        "--set-header",
        "set_headers",
        multiple=True,
        callback=reading(parse_set_header),
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
        callback=reading(parse_parameter),
        metavar="NAME=VALUE",
        help="Set a parameter of the URL's query. Repeatable.",
    ),
    click.option(
        "--set-cookie",
        "set_cookies",
        multiple=True,
        callback=reading(parse_parameter),
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
"""Adds them to a command, with the names of `flowreplay_client.RewriteSettings`."""

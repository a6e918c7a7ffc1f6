"""`replayctl show`: all that is kept of one replay."""

import sys
from datetime import datetime

import click
from flowreplay_client import CONTENTS, Client, KeptReplay

from replayctl.connect import Globals, pass_globals
from replayctl.contents import MOST_BYTES
from replayctl.kept import Content, replay_lines
from replayctl.output import Output, note

_NAMES = {number: name for name, number in CONTENTS.items()}


@click.command("show")
@click.argument("replay_id", metavar="REPLAY")
@click.option("--bodies", is_flag=True, help="Show contents, at most 1 MiB of each.")
@click.option(
    "--raw",
    type=click.Choice(list(CONTENTS)),
    help="Print nothing but the bytes of this content: of the request as it is sent, of the "
    "recorded response, of the response that came.",
)
@click.option(
    "--secrets", is_flag=True, help="Show credentials and what else the log has marks for."
)
@pass_globals
def command(
    options: Globals, *, replay_id: str, bodies: bool, raw: str | None, secrets: bool
) -> None:
    """Show all that is kept of one replay: what was captured, what is sent where with each
    change, how it ended, when it reached which phase, and both responses.
    """
    with options.client() as client:
        if raw is not None:
            _print_bytes(client, replay_id, raw, secrets=secrets)
            return
        wanted = list(CONTENTS) if bodies else []
        with client.replay(replay_id, wanted, content_limit=MOST_BYTES, secrets=secrets) as kept:
            _show(kept, options.output)


def _show(kept: KeptReplay, output: Output) -> None:
    if output.as_json:
        output.show(kept.details)
        for piece in kept:
            output.show(piece)
        return
    contents: dict[str, Content] = {}
    for piece in kept:
        content = contents.setdefault(_NAMES.get(piece.content, ""), Content())
        content.data += piece.data
        content.truncated |= piece.truncated
        content.redacted |= piece.redacted
    today = datetime.now().astimezone().date()
    output.text(*replay_lines(kept.details, contents, output.style, today))


def _print_bytes(client: Client, replay_id: str, raw: str, *, secrets: bool) -> None:
    with client.replay(replay_id, [raw], secrets=secrets) as kept:
        for piece in kept:
            sys.stdout.buffer.write(piece.data)
            if piece.redacted:
                note("not the bytes themselves: secrets are left out; --secrets shows them")
            elif piece.truncated:
                note("not all of it: --secrets shows more than 1 MiB, of what is kept")
    sys.stdout.buffer.flush()

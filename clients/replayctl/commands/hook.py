"""`replayctl hook`: a Python file takes part in replays."""

import asyncio
from pathlib import Path
from typing import Unpack

import click
from flowreplay_client import LATE_POLICIES, HookSettings
from flowreplay_client.aio.hook_run import HookRun

from replayctl.absence import Absence
from replayctl.connect import Globals, pass_globals
from replayctl.output import Output
from replayctl.printable import printable
from replayctl.script import Script, ScriptError

_LOOK_SECONDS = 0.5
"""Between looks whether the script has changed, while nothing is asked."""


@click.command("hook")
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="What logs call it.  [default: the script's]")
@click.option(
    "--filter",
    default="",
    metavar="EXPR",
    help="Only flows that match: mitmproxy's filter expressions, such as '~m POST & ~d shop'.",
)
@click.option(
    "--order",
    type=click.IntRange(-(1 << 31), (1 << 31) - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Hooks with a smaller number come first; each sees what those before it have made.",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.01, max=600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an answer may take.",
)
@click.option(
    "--on-late",
    type=click.Choice(LATE_POLICIES),
    default="continue",
    show_default=True,
    help="What becomes of a replay when the script is late, fails or is gone.",
)
@click.option(
    "--content-limit",
    type=click.IntRange(0, (1 << 63) - 1),
    metavar="BYTES",
    help="Leave out contents that are larger.  [default: none are]",
)
@pass_globals
def command(
    options: Globals, *, script: Path, name: str | None, **settings: Unpack[HookSettings]
) -> None:
    """Have a Python SCRIPT change, answer or kill replays.

    Its functions request(flow), response(flow) and error(flow), those that it has, are asked
    about each replay, until Ctrl-C. They may be asynchronous. The script is read again when
    it has changed.
    """
    try:
        loaded = Script(script, name or script.stem, settings)
    except (ScriptError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    asyncio.run(_serve(options, loaded))


async def _serve(options: Globals, script: Script) -> None:
    async with options.aio_client() as client:
        absence = Absence(client.address, gives_up=False)
        run = await client.hook(
            script.hook, on_interruption=absence.interrupted, on_return=absence.returned
        )
        serving = asyncio.create_task(run.serve())
        looking = asyncio.create_task(_follow(options.output, script, run))
        try:
            await asyncio.wait({serving, looking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
        await serving


async def _follow(output: Output, script: Script, run: HookRun) -> None:
    """Says when the script's functions are asked, and has them asked when others are."""
    while True:
        points = list(script.hook.functions)
        output.show_object(
            {"hook": script.hook.name, "points": points},
            f"{printable(script.hook.name)} is asked at: {', '.join(points)}",
        )
        await script.other_points(_LOOK_SECONDS)
        await run.renew()

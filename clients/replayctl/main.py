"""Where `replayctl` starts, and where Ctrl-C ends it, however early it comes."""

import io
import os
import sys
from pathlib import Path

from replayctl.exits import DONE, INTERRUPTED, USAGE


def main() -> None:
    """Runs the command; ends the process with one of the codes of `exits`."""
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        # The disk under stdout is full, for one; what a command reads, it catches itself.
        _fail(error)


def _run() -> int:
    """Runs the command; returns the exit code, which click alone would often make a 1."""
    # Loading takes a tenth of a second, in which people interrupt too.
    import click  # noqa: PLC0415

    from replayctl.cli import cli  # noqa: PLC0415

    _prepare_stdout()
    try:
        return cli(prog_name="replayctl", standalone_mode=False) or DONE
    except click.Abort:
        # What click makes of a Ctrl-C outside a command's own code.
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return USAGE


def _prepare_stdout() -> None:
    """Makes stdout take whatever is printed: what its encoding lacks as an escape."""
    if sys.stdout is None:
        # Started with stdout closed; it lasts as long as the process.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _fail(error: OSError) -> None:
    from replayctl.output import give_up_stdout, note  # noqa: PLC0415 - rarely needed

    give_up_stdout()
    note(f"can't write the output: {error.strerror or error}")
    sys.exit(USAGE)

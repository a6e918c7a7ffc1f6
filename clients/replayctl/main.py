"""Where `replayctl` starts, and where Ctrl-C ends it, however early it comes."""

import io
import os
import sys
from pathlib import Path

from replayctl.exits import INTERRUPTED, USAGE


def main() -> None:
    """Runs the command; ends the process with one of the codes of `exits`."""
    try:
        # Loading takes a tenth of a second, in which people interrupt too.
        from replayctl.cli import cli  # noqa: PLC0415

        _prepare_stdout()
        cli(prog_name="replayctl")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        # The disk under stdout is full, for one; what a command reads, it catches itself.
        _fail(error)


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

"""`replayctl backup`: copies the journal of the daemon while it runs."""

from contextlib import ExitStack
from pathlib import Path

import click

from replayctl.connect import Globals, pass_globals
from replayctl.printable import printable
from replayctl.progress import Advance, progress_bar


@click.command("backup")
@click.argument("new_dir", type=click.Path(path_type=Path))
@pass_globals
def command(options: Globals, new_dir: Path) -> None:
    """Copy the journal of the daemon into NEW_DIR, on the daemon's machine, while it runs.

    Replays go on. The copy is one state of the journal, each row and file compared with its
    checksum; NEW_DIR is there when it is whole. A daemon that is started with it has another
    store, and what waits in it is paused.
    """
    folder = str(new_dir.absolute())
    with options.client() as client, ExitStack() as stack:
        advance: Advance | None = None

        def show(copied: int, total: int | None) -> None:
            nonlocal advance
            if advance is None and total:
                advance = stack.enter_context(progress_bar("copying", total))
            if advance is not None:
                advance(copied)

        done = client.back_up(folder, progress=show)
    options.output.show(done, f"copied to {printable(folder)}: {done.copied_bytes} bytes")

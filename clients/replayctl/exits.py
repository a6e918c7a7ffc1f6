"""The exit codes, and which error ends with which. Scripts rely on them."""

from flowreplay_client import EventsCompacted, ReplaydClientError, Unreachable

DONE = 0
REPLAYS_FAILED = 1
"""Done, but replays failed by what `--fail-on` names."""
USAGE = 2
UNREACHABLE = 3
"""The daemon can't be reached."""
REFUSED = 4
"""The daemon refused the call: a bad capture, an unknown batch, a foreign cursor."""
COMPACTED = 5
"""Events were compacted away."""
INTERRUPTED = 130
"""By Ctrl-C, as shells have it: 128 and SIGINT's number."""


def exit_code(error: ReplaydClientError) -> int:
    """Returns the exit code for what a call ended with."""
    if isinstance(error, EventsCompacted):
        return COMPACTED
    return UNREACHABLE if isinstance(error, Unreachable) else REFUSED

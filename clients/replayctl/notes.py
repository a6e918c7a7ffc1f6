"""What commands that follow events say beside them, on stderr."""

from flowreplay_client import EventsCompacted, ReplaydClientError

from replayctl.output import note


def tell_paused() -> None:
    """Says why nothing happens."""
    note("the queue is paused; waiting until `replayctl resume`")


def tell_interruption(error: ReplaydClientError) -> None:
    """Says why a watch stood still or jumped; it goes on by itself."""
    if isinstance(error, EventsCompacted):
        note(f"skipping events that are gone: {error.message}")
    else:
        note(f"lost the daemon, trying again: {error.message}")

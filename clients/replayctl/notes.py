"""What commands that follow events say beside them, on stderr."""

from replayctl.output import note


def tell_paused() -> None:
    """Says why nothing happens."""
    note("the queue is paused; waiting until `replayctl resume`")


def tell_how_to_follow(cursor: str, batch_id: str = "") -> None:
    """Says that the daemon goes on without this command, and how to see what it does."""
    what, option = (f"batch {batch_id}", f" --batch {batch_id}") if batch_id else ("the queue", "")
    note(
        f"{what} goes on in the daemon; follow it with "
        f"`replayctl watch{option} --from {cursor} --until-idle`"
    )

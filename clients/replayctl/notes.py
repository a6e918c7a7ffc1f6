"""What commands that follow events say beside them, on stderr."""

from replayctl.output import note


def tell_paused(batch_id: str = "", *, perhaps: bool = False) -> None:
    """Says why nothing happens: the queue is paused, or a batch; `perhaps`: one of the two."""
    queue, resume = "the queue is paused", "`replayctl resume`"
    batch, resume_batch = f"batch {batch_id}", f"`replayctl resume --batch {batch_id}`"
    if not batch_id:
        note(f"{queue}; waiting until {resume}")
    elif perhaps:
        note(f"{queue}, or {batch}; waiting until {resume}, or {resume_batch}")
    else:
        note(f"{batch} is paused; waiting until {resume_batch}")


def tell_how_to_follow(cursor: str, batch_id: str = "") -> None:
    """Says that the daemon goes on without this command, and how to see what it does."""
    what, option = (f"batch {batch_id}", f" --batch {batch_id}") if batch_id else ("the queue", "")
    note(
        f"{what} goes on in the daemon; follow it with "
        f"`replayctl watch{option} --from {cursor} --until-idle`"
    )

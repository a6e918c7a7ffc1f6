"""Live values: which one each request had to be sent with.

The first flow of a batch with live values has a recorded answer; all others carry its content in
a header field. From that flow's answer on, they have to carry what the target has answered now.
"""

from collections.abc import Mapping

from replayd.model.replay import ReplayKey
from tools.chaos.replays import Batch, Replay

FIELD = b"X-Live"
SOURCE = "regex:(.+)"
"""Of `EnqueueOptions.carry`: the whole content."""


def recorded_value(tag: str) -> str:
    """Returns what the recorded answer of a call's first flow is."""
    return f"recorded-{tag}"


def value_of(replay: Replay, batches: Mapping[str, Batch]) -> str | None:
    """Returns the value that a replay had to be sent with; None: that is known no more.

    It is of its run of its batch, or else, where that one sends others again, of theirs.
    """
    batch: Batch | None = replay.batch
    while batch is not None:
        if batch.over:
            return None
        first = batch.replays.get(ReplayKey(batch.batch_id, replay.key.repeat, 0).slot)
        if first is not None and first.outcome == "succeeded" and first is not replay:
            return first.answer[1].decode()
        if not batch.resends:
            return recorded_value(batch.label)
        batch = batches.get(batch.resends)
    return None

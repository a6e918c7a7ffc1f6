"""Which batch's replays are taken first, and which wait: as settings of an Enqueue, and later."""

from typing import TypedDict

from flowreplay.v1.replay_pb2 import EnqueueOptions


class SteeringSettings(TypedDict, total=False):
    """How a batch is steered from its acceptance on."""

    priority: int
    """Batches of a higher one are taken first: from -1000 to 1000, 0 as a rule."""
    paused: bool
    """Let the batch wait until it is resumed."""
    owner: str
    """Whose it is, at most 200 characters; where the daemon asks for tokens, it knows."""


def fill_steering(options: EnqueueOptions, settings: SteeringSettings) -> None:
    """Sets what the settings say."""
    options.priority = settings.get("priority", 0)
    options.paused = settings.get("paused", False)
    options.owner = settings.get("owner", "")

"""What the replays of a batch run under."""

from typing import NamedTuple

from replayd.model.pace import Pace
from replayd.model.replay import OnInterrupt

MAX_PRIORITY = 1000
"""The highest priority; the lowest is as far below 0."""


class Controls(NamedTuple):
    """What changes of a batch while it waits or runs, and whose it is."""

    paused: bool = False
    priority: int = 0
    front: int = 0
    """Of those put to the front the one with the highest number is first; 0: it was not."""
    owner: str = ""
    accepted: int = 0
    """When it was, in nanoseconds since the epoch; 0: nobody noted it."""
    pace: Pace | None = None
    """When its replays are due; None: as its options say."""


DEFAULT_CONTROLS = Controls()


class Terms(NamedTuple):
    """What an Enqueue says of its batch."""

    label: str = ""
    on_interrupt: OnInterrupt = OnInterrupt.AUTO
    options: bytes = b""
    """What the replay thread has to know: an encoded `flowreplay.v1.EnqueueOptions` without what
    taking it in has used up. Never changes."""
    controls: Controls = DEFAULT_CONTROLS


DEFAULT_TERMS = Terms()

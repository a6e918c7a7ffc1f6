"""What the replays of a batch run under."""

from typing import NamedTuple

from replayd.model.replay import OnInterrupt


class Terms(NamedTuple):
    """What an Enqueue says of its batch."""

    label: str = ""
    on_interrupt: OnInterrupt = OnInterrupt.AUTO
    options: bytes = b""
    """What the replay thread has to know: an encoded `flowreplay.v1.EnqueueOptions` without what
    taking it in has used up. Never changes."""
    controls: bytes = b""
    """What may be changed while it runs: an encoded message of the contract."""


DEFAULT_TERMS = Terms()

"""How a batch is steered: to and from the contract's message, which the journal stores."""

from flowreplay.v1 import replay_pb2

from replayd.codec.pace import pace_from, pace_message
from replayd.model.batch import Controls


def controls_message(controls: Controls) -> replay_pb2.BatchControls:
    """Converts to a message."""
    message = replay_pb2.BatchControls(
        paused=controls.paused,
        priority=controls.priority,
        front_number=controls.front,
        owner=controls.owner,
    )
    if controls.accepted:
        message.accept_time.FromNanoseconds(controls.accepted)
    if controls.pace is not None:
        message.pace.CopyFrom(pace_message(controls.pace))
    return message


def encode_controls(controls: Controls) -> bytes:
    """Encodes for the journal."""
    return controls_message(controls).SerializeToString()


def decode_controls(encoded: bytes) -> Controls:
    """Decodes what the journal has."""
    message = replay_pb2.BatchControls.FromString(encoded)
    accepted = message.accept_time
    return Controls(
        message.paused,
        message.priority,
        message.front_number,
        message.owner,
        accepted.seconds * 1_000_000_000 + accepted.nanos,
        pace_from(message.pace) if message.HasField("pace") else None,
    )

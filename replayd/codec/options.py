"""What a batch's options (`Terms`) say of its replays."""

from flowreplay.v1 import replay_pb2


def strict_session(options: bytes) -> bool:
    """Whether a parked replay holds up the later ones of its session."""
    return bool(options) and replay_pb2.EnqueueOptions.FromString(options).strict_session

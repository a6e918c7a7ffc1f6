"""Which flow's replay an event of the log ended."""

from flowreplay.v1 import event_pb2

from replayd.model.replay import ReplayKey


def ended_by(event: bytes) -> int:
    """Returns the flow index of an encoded `response` or `error` event, in its batch."""
    return ReplayKey.parse(event_pb2.Event.FromString(event).replay_id).flow_index

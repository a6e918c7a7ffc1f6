"""A SetPriority's request -> the priority that it asks for. Pure."""

from flowreplay.v1 import replay_pb2

from replayd.errors import FieldError
from replayd.model.batch import MAX_PRIORITY


def asked_priority(request: replay_pb2.SetPriorityRequest) -> int | None:
    """Returns the priority; None: the front. Raises ReplaydError INVALID_OPTIONS."""
    place = request.WhichOneof("place")
    if place == "front" and request.front:
        return None
    if place != "priority":
        raise FieldError("front", "has to be true, or priority be set")
    if abs(request.priority) > MAX_PRIORITY:
        what = f"has to be from -{MAX_PRIORITY} to {MAX_PRIORITY}, not {request.priority}"
        raise FieldError("priority", what)
    return request.priority

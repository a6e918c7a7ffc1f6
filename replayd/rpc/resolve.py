"""A Resolve's request -> which replays of which batch, and what to do with them. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from flowreplay.v1 import replay_pb2

from replayd.errors import FieldError
from replayd.model.replay import Resolution
from replayd.rpc.replay_ids import replay_keys

_KNOWN = frozenset(Resolution)


class Asked(NamedTuple):
    """What a Resolve asks for."""

    batch_id: str
    flow_indices: Sequence[int] | None
    """None: all that are parked."""
    resolution: Resolution


def asked_to_resolve(request: replay_pb2.ResolveRequest) -> Asked:
    """Raises ReplaydError: INVALID_OPTIONS, REPLAY_NOT_FOUND for what can be no replay's id."""
    if int(request.resolution) not in _KNOWN:
        names = " or ".join(f"RESOLUTION_{each.name}" for each in Resolution)
        raise FieldError("resolution", f"has to be {names}")
    resolution = Resolution(request.resolution)
    if bool(request.replay_ids) == bool(request.batch_id):
        raise FieldError("replay_ids", "or batch_id: name replays of one batch, or the batch")
    if request.batch_id:
        return Asked(request.batch_id, None, resolution)
    keys = replay_keys(request.replay_ids)
    batch_ids = {key.batch_id for key in keys}
    if len(batch_ids) > 1:
        raise FieldError(
            "replay_ids", f"are of {len(batch_ids)} batches; resolve each batch's in a call"
        )
    return Asked(batch_ids.pop(), [key.slot for key in keys], resolution)

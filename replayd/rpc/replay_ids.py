"""The ids that requests name replays by -> keys. Pure."""

from collections.abc import Iterable

from replayd.errors import ReplaydError
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason


def replay_keys(replay_ids: Iterable[str]) -> list[ReplayKey]:
    """Reads ids. Raises ReplaydError REPLAY_NOT_FOUND for what can be no replay's id."""
    return [replay_key(replay_id) for replay_id in replay_ids]


def replay_key(replay_id: str) -> ReplayKey:
    """Reads an id. Raises ReplaydError REPLAY_NOT_FOUND for what can be no replay's id."""
    try:
        key = ReplayKey.parse(replay_id)
    except ValueError:
        key = None
    # Only one spelling is the id.
    if key is None or key.slot < 0 or key.replay_id != replay_id:
        raise ReplaydError(
            Reason.REPLAY_NOT_FOUND,
            f"no replay {replay_id!r}; events and ListReplays have the ids, such as k7m2q9xd.12",
            replay_id=replay_id,
        )
    return key

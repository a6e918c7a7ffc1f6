"""What is sent once more: by a Resolve that resends, or by a Retry, as replays of a new batch.

The log says of such a batch which one it sends again, and how many replays it has, but where
indices lie between them not which: those are the parked ones that its commit has resolved, and
those that have failed, if so many were asked for.
"""

from flowreplay.v1 import event_pb2

from replayd.model.replay import ReplayKey
from tools.chaos.findings import Findings
from tools.chaos.replays import Batch, Replay


class Copies:
    """Finds out which replays of a batch are sent again as another one."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._promised: dict[str, set[int]] = {}
        """Slots that were resolved in favour of a batch that is not queued yet."""

    def resolved(self, replay: Replay, resent_as: str) -> None:
        """A parked replay was resolved: it is sent again as that batch."""
        self._promised.setdefault(resent_as, set()).add(replay.key.slot)

    def fill(self, batch: Batch, source: Batch | None, update: event_pb2.UpdateEvent) -> None:
        """Adds the replays of a batch that sends others of `source` again."""
        promised = self._promised.pop(batch.batch_id, set())
        if source is not None:
            batch.priority, batch.steered = source.priority, source.priority != 0
        if source is None or source.label != batch.label:
            said = f"{batch.batch_id} ({batch.label}) sends again what is of {batch.resends!r}"
            self._findings.add("copies", said)
            return
        wanted = update.replay_count
        slots = _span(update)
        if len(slots) != wanted:
            failed = {
                replay.key.slot
                for each in update.ranges
                for replay in source.between(each)
                if replay.outcome == "failed"
            }
            found = next((s for s in (promised, promised | failed) if len(s) == wanted), None)
            if found is None:
                said = f"{batch.batch_id} sends {wanted} of {source.batch_id} again, of which "
                said += f"{len(promised)} were parked and {len(failed)} failed"
                self._findings.add("copies", said)
                return
            slots = sorted(found)
        elif not promised <= set(slots):
            self._findings.add("copies", f"{batch.batch_id} does not have all it was to send again")
        for slot in slots:
            key = ReplayKey.at(source.batch_id, slot)
            original = source.replays.get(slot)
            if not (original.outcome if original else source.over):
                self._findings.add("copies", f"{key.replay_id} is sent again, and has not ended")
            batch.add(key._replace(batch_id=batch.batch_id))

    def settle(self) -> None:
        """Compares what is left, once the log was read to its end."""
        for batch_id, slots in self._promised.items():
            said = f"{len(slots)} parked replays are sent again as {batch_id}, which is not queued"
            self._findings.add("copies", said)
        self._promised.clear()


def _span(update: event_pb2.UpdateEvent) -> list[int]:
    """Returns the slots of one range; of several, where not each index may have a replay, none."""
    if len(update.ranges) != 1:
        return []
    (each,) = update.ranges
    first = ReplayKey(each.batch_id, each.repeat, each.first_index).slot
    return list(range(first, first + each.last_index - each.first_index + 1))

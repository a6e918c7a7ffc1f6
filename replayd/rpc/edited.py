"""What was sent where live values or hooks changed a request when its turn came: the `request`
event alone tells. Synchronous, for a thread.
"""

from flowreplay.v1 import event_pb2, plan_pb2

from replayd.codec.event import sequence_of
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Past
from replayd.model.event import EventKind
from replayd.reasons import Reason

_STEP = 512
_STEPS = 128
"""Events that are looked through at a time, and how often: back from the end of a replay, which is
seldom far from its beginning.
"""

_BYTES = 4 << 20

_REQUESTS = frozenset({EventKind.REQUEST})

_EDITED = frozenset(
    (
        plan_pb2.CHANGE_KIND_STICKY_COOKIE,
        plan_pb2.CHANGE_KIND_VALUE_CARRIED,
        plan_pb2.CHANGE_KIND_HOOK,
    )
)
"""Changes that are made when a request is sent."""


def was_edited(request: event_pb2.RequestEvent) -> bool:
    """Tells whether a request was sent otherwise than it was planned."""
    return any(change.kind in _EDITED for change in request.plan.changes)


def edited_request(journal: Journal, past: Past) -> event_pb2.RequestEvent | None:
    """Returns how the request of a replay that ended was last sent, as its event shows it; None: as
    it was planned, or more than 65,536 events before the end, or retention has removed it.
    """
    until = sequence_of(past.event) if past.event else 0
    for _ in range(_STEPS):
        if not until:
            return None
        after = max(until - _STEP, 0)
        try:
            request = _last_request(journal, past, after, until)
        except ReplaydError as error:
            if error.reason is not Reason.SEQUENCE_COMPACTED:
                raise
            return None
        if request is not None:
            return request if was_edited(request) else None
        until = after
    return None


def _last_request(
    journal: Journal, past: Past, after: int, until: int
) -> event_pb2.RequestEvent | None:
    found = None
    while after < until:
        page = journal.read(
            after,
            limit=_STEP,
            max_bytes=_BYTES,
            kinds=_REQUESTS,
            batch_id=past.key.batch_id,
        )
        for event in map(event_pb2.Event.FromString, page.events):
            if event.sequence < until and event.replay_id == past.key.replay_id:
                found = event.request
        after = page.last
    return found

"""Whether a failed Enqueue is made again. Pure but for the dice in `backoff`.

An Enqueue has side effects, so it is only repeated under its request_id, which makes
the daemon queue the same content once, whatever got lost on the way.
"""

from flowreplay_client.backoff import delays
from flowreplay_client.errors import ReplaydClientError, Unreachable

MAX_TRIES = 10
"""About half a minute altogether: a restart of the daemon with a large journal."""


class Tries:
    """Counts the tries of one Enqueue and decides after each."""

    def __init__(self, request_id: str, *, repeatable: bool) -> None:
        self._request_id = request_id
        self._repeatable = repeatable
        self._delays = delays()
        self._failed_count = 0
        self._reached = False

    def after(self, error: ReplaydClientError, *, reached: bool) -> float:
        """Returns the seconds to wait before the next try, or raises why there is none.

        `reached`: a message left for the daemon in this try. A daemon that was never
        reached is reported at once; nothing can have been queued.
        """
        self._failed_count += 1
        self._reached = self._reached or reached
        if not self._reached or not self._passing(error):
            # What gRPC raised says nothing more, at length.
            raise error from None
        if not self._repeatable or self._failed_count >= MAX_TRIES:
            raise self._in_doubt(error) from None
        return next(self._delays)

    def _passing(self, error: ReplaydClientError) -> bool:
        # The daemon may still be busy with the try whose connection broke.
        own_try_under_way = self._failed_count > 1 and error.reason == "REQUEST_IN_PROGRESS"
        return isinstance(error, Unreachable) or own_try_under_way

    def _in_doubt(self, error: ReplaydClientError) -> ReplaydClientError:
        message = (
            f"{error.message}. The connection broke during the call, so the flows may be "
            f"queued or not: enqueue them again with the request_id {self._request_id}, "
            "which queues them only once"
        )
        metadata = {**error.metadata, "request_id": self._request_id}
        return type(error)(error.reason, message, metadata, error.code)

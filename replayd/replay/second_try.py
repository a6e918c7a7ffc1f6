"""Whether a request that failed is sent once more, and how. Pure.

What came of a response, or may have been acted upon and is not safe to repeat, is not sent
again. A kept connection that was dead is no news twice; a server that refuses requests
untouched, because it says goodbye to the connection that they share, may do so again.
"""

from enum import Enum

from replayd.errors import ReplaydError
from replayd.model.plan import HttpVersions, Plan
from replayd.reasons import Reason
from replayd.replay.transfer import Transfer

MAX_RESENT = 3
"""How often at most a request is sent afresh that its server refused: at a concurrency far
above the requests that a server takes on a connection, some come late more than once."""

_DEAD_CONNECTION = (Reason.CLOSED_EARLY, Reason.CONNECTION_RESET, Reason.TLS_FAILED)


class SecondTry(Enum):
    """How it is sent once more; in words, for people."""

    AFRESH = "on a fresh connection"
    OVER_HTTP1 = "over HTTP/1.1"


def second_try(
    error: ReplaydError, transfer: Transfer, plan: Plan, versions: HttpVersions, *, resent: int
) -> SecondTry | None:
    """Tells how to go on after an error; None: it has failed.

    `versions`: what may be spoken; `resent`: how often it was sent afresh already.
    """
    if transfer.first_byte is not None:
        return None
    if transfer.needs_http1 and versions is HttpVersions.TWO_OR_ONE:
        return SecondTry.OVER_HTTP1
    if transfer.refused:
        return SecondTry.AFRESH if resent < MAX_RESENT else None
    if not resent and _found_dead(error, transfer, plan):
        return SecondTry.AFRESH
    return None


def _found_dead(error: ReplaydError, transfer: Transfer, plan: Plan) -> bool:
    """Only a kept connection may have been dead already, and only what is safe to repeat, or
    never began, is repeated (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    """
    return (
        error.reason in _DEAD_CONNECTION
        and transfer.info.reused
        and (plan.idempotent or transfer.untouched)
    )

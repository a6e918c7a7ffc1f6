"""How long the daemon's own certificate is valid: said before it is too late."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

SOON_DAYS = 30
"""Authorities that renew by themselves do it about then; people need as long."""

_DAY = 86400

_log = logging.getLogger(__name__)


class ExpiryWarning:
    """Warns of a certificate that ends soon: of each once a day at most. Any thread may ask."""

    def __init__(self, option: str, clock: Callable[[], float] = time.time) -> None:
        """`option`: what names its file."""
        self._option = option
        self._clock = clock
        self._said = (0, 0)

    def look(self, expires: int) -> None:
        """Looks at the end of a certificate's time, in seconds since the epoch."""
        now = self._clock()
        days = int((expires - now) // _DAY)
        said = (expires, int(now // _DAY))
        if days >= SOON_DAYS or said == self._said:
            return
        self._said = said
        _log.warning(
            "%s: the certificate %s on %s; put a new one in its place, which needs no restart",
            self._option,
            "has ended" if days < 0 else f"ends in {days} days,",
            datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )

"""`replayd` with a leak seeded on purpose: the soak has to catch it.

    python -m tools.soak.leak BYTES serve OPTION...

Every event that the log takes in keeps so many bytes for ever.
"""

import sys
from collections.abc import Sequence

from replayd.cli import main
from replayd.journal.recent import Recent
from replayd.journal.store import StoredEvent

_lost: list[bytes] = []


def seed(size: int) -> None:
    """Has every event leak so many bytes."""
    append = Recent.append

    def leaking(recent: Recent, events: Sequence[StoredEvent]) -> None:
        append(recent, events)
        _lost.extend(b"%d" % event.sequence * (size // 8) for event in events)

    Recent.append = leaking  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    seed(int(sys.argv.pop(1)))
    main()

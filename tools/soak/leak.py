"""`replayd` with a leak seeded on purpose: the soak has to catch it.

    python -m tools.soak.leak BYTES serve OPTION...

It keeps so many bytes more each second, for ever.
"""

import sys
import threading
from collections.abc import Callable

from replayd.cli import main

_EACH_SECOND = 10

_lost: list[bytes] = []


def lose(size: int, wait: Callable[[float], bool]) -> None:
    """Loses so many bytes a second, in small parts, until `wait` says that it is over."""
    while not wait(1 / _EACH_SECOND):
        _lost.append(b"x" * (size // _EACH_SECOND))


if __name__ == "__main__":
    never = threading.Event()
    threading.Thread(target=lose, args=(int(sys.argv.pop(1)), never.wait), daemon=True).start()
    main()

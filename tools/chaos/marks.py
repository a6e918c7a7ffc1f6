"""Notes in the target's book of what happens elsewhere, among the requests that arrive.

One is sent to the target as a request for `/.mark/WORDS`, and written down after all that was
sent to it before.
"""

import socket
from typing import NamedTuple

MARK = "/.mark/"
"""The path that a mark is sent to, before its words."""

_WAIT = 10.0


class Start(NamedTuple):
    """The daemon was about to start; nothing of an earlier one comes after it."""

    concurrency: int
    paused: bool
    """Whether the queue was paused, and nobody was to resume it."""


class TargetStart(NamedTuple):
    """The target itself was killed, and started again."""


class Held(NamedTuple):
    """A batch is paused from here on, and nothing of it runs; nobody resumes it before `Freed`."""

    batch_id: str
    steps: int = 0
    """So many of its replays may be taken for all that, before it is held again."""


class Freed(NamedTuple):
    """A batch is about to be resumed."""

    batch_id: str


Mark = Start | TargetStart | Held | Freed


def mark_of(mark: Mark) -> str:
    """Returns the words of a mark."""
    match mark:
        case Start(concurrency, paused):
            return f"start/{concurrency}/{int(paused)}"
        case TargetStart():
            return "target"
        case Held(batch_id, steps):
            return f"held/{batch_id}/{steps}"
        case Freed(batch_id):
            return f"freed/{batch_id}"


def read_mark(words: str) -> Mark:
    """Reads them. Raises ValueError for others."""
    match words.split("/"):
        case ["start", concurrency, paused]:
            return Start(int(concurrency), paused == "1")
        case ["target"]:
            return TargetStart()
        case ["held", batch_id, steps]:
            return Held(batch_id, int(steps))
        case ["freed", batch_id]:
            return Freed(batch_id)
    raise ValueError(f"not a mark of chaos: {words!r}")


def send_mark(port: int, mark: Mark) -> None:
    """Has the target at a port write one. Raises OSError when it is not there, or has not."""
    with socket.create_connection(("127.0.0.1", port), _WAIT) as peer:
        peer.sendall(f"GET {MARK}{mark_of(mark)} HTTP/1.1\r\nHost: chaos\r\n\r\n".encode())
        if not peer.recv(1 << 16).startswith(b"HTTP/1.1 200"):
            raise ConnectionError("the target did not take a mark")

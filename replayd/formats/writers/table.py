"""The front of all writers: a row a format."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from replayd.formats.sniff import Format
from replayd.formats.writers import goreplay, har, mitmproxy
from replayd.model.replayed import Replayed


class Writer(NamedTuple):
    """A capture is `head`, the replays with `between` between them, `tail`."""

    write: Callable[[Replayed], Iterable[bytes]]
    """Makes the bytes of one replay; none where the format has no way to hold it."""
    head: bytes = b""
    between: bytes = b""
    tail: bytes = b""


WRITERS = {
    Format.MITMPROXY: Writer(mitmproxy.write),
    Format.HAR: Writer(har.write, har.HEAD, har.BETWEEN, har.TAIL),
    Format.GOREPLAY: Writer(goreplay.write),
}

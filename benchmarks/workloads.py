"""What is replayed: the workloads that daemon, peers and bare loops are compared on. Pure.

A workload says which requests are sent, how many at once, and on which cores client and
server run; nothing of who sends them. The same request, to the byte, is in replayd's
flows, in mitmproxy's dump, and in what the bare loops send; load generators get its fields
as options.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SMALL, LARGE, SLOW = "small", "large", "slow"
"""First segments of paths: what a target answers with."""

ANSWER_BYTES = {SMALL: 1024, LARGE: 1 << 20, SLOW: 1024}
"""Contents of the answers."""

_SIZED = "bytes-"

SLOW_SECONDS = 0.020
"""What a target takes to answer a slow path."""

SESSIONS = 256
"""Sessions of a capture: the order within one is kept, so one session would be a queue."""

FIELDS = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Cookie", "session=0123456789abcdef; theme=dark"),
)
"""Fields beside Host: a browser's, about 300 bytes."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests of one kind, sent in one way."""

    name: str
    concurrency: int
    answer: str = SMALL
    content: bytes = b""
    """What is posted; empty: GET."""
    tls: bool = False
    same_core: bool = False
    """Client and server share a core, else each has its own."""
    share: float = 1.0
    """How many of these are sent, as a part of the usual number."""

    @property
    def method(self) -> str:
        """The request's method."""
        return "POST" if self.content else "GET"

    @property
    def scheme(self) -> str:
        """The URL's scheme."""
        return "https" if self.tls else "http"

    @property
    def sessions(self) -> int:
        """Sessions in the capture: at least twice as many as replays are in flight."""
        return max(SESSIONS, 2 * self.concurrency)

    @property
    def title(self) -> str:
        """The name with where client and server run."""
        return f"{self.name} [{'same' if self.same_core else 'split'}]"

    def url(self, port: int, index: int) -> str:
        """Returns the URL of a request."""
        return f"{self.scheme}://127.0.0.1:{port}/{self.answer}/{index}"

    def count(self, usual: int) -> int:
        """Returns how many requests are sent when `usual` are the most: some for each slot."""
        return max(int(usual * self.share), 2 * self.concurrency)

    def request(self, port: int, index: int) -> bytes:
        """Returns a request as it is on the wire."""
        lines = [f"{self.method} /{self.answer}/{index} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in FIELDS]
        if self.content:
            lines.append(f"Content-Length: {len(self.content)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.content


GET_1 = Workload("GET, 1 at once", 1)
GET_1_SAME = Workload("GET, 1 at once", 1, same_core=True)
GET_32 = Workload("GET, 32 at once", 32)
HTTPS_32 = Workload("HTTPS GET, 32 at once", 32, tls=True)
POST_32 = Workload("POST 1 KiB, 32 at once", 32, content=b"y" * 1024)
LARGE_1 = Workload("GET 1 MiB, 1 at once", 1, answer=LARGE, share=0.03)
SLOW_32 = Workload("GET from a 20 ms target, 32 at once", 32, answer=SLOW, share=0.5)
SLOW_500 = Workload("GET from a 20 ms target, 500 at once", 500, answer=SLOW, share=2)
SLOW_20 = Workload("1,000 flows/s (20 ms target, 20 at once)", 20, answer=SLOW, share=0.5)

ALL = (GET_1, GET_1_SAME, GET_32, HTTPS_32, POST_32, LARGE_1, SLOW_32, SLOW_500, SLOW_20)


def sized(size: int) -> str:
    """Returns the first segment of paths that are answered with so many bytes."""
    return f"{_SIZED}{size}"


def answer_bytes(answer: str) -> int:
    """Returns how large the answer to a first segment is; what is unknown is small."""
    if answer.startswith(_SIZED):
        return int(answer.removeprefix(_SIZED))
    return ANSWER_BYTES.get(answer, ANSWER_BYTES[SMALL])


def ideal_rate(workload: Workload) -> float:
    """Returns requests a second when nothing but a slow target takes time."""
    return workload.concurrency / SLOW_SECONDS


def indices(workload: Workload, count: int) -> Iterator[tuple[int, str]]:
    """Yields each request's index with its session."""
    return ((index, str(index % workload.sessions)) for index in range(count))

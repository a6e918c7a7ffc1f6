"""A real HTTP/2 server (node's) that keeps the fields of each request in their order."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from replayd.model.flow import Headers
from tests.support.processes import DEADLINE, Process

_SCRIPT = Path(__file__).with_suffix(".js")


@dataclass(frozen=True)
class Http2Recorded:
    """One request as it arrived."""

    headers: Headers
    """In the order of the wire, the pseudo fields too."""
    trailers: Headers
    content_size: int
    content_sha256: str
    server_name: str | None
    """What TLS asked for (SNI); None without TLS or name."""
    peer: int
    """The client's port."""


class Http2Recorder:
    """A server with a certificate and its key (PEM files), or in the clear; a context manager."""

    def __init__(self, node: Path, files: tuple[Path, Path] | None = None) -> None:
        self._process = Process([node, _SCRIPT, *(files or ())])
        self._seen = 0
        try:
            self._process.wait_for_output(lambda: bool(self._process.stdout), "port")
        except AssertionError:
            self._process.close()
            raise
        self.port = int(self._process.stdout[0])
        self.requests: list[Http2Recorded] = []
        """Those that `wait_for` has waited for, in their order."""

    def wait_for(self, count: int, deadline: float = DEADLINE) -> list[Http2Recorded]:
        """Waits until so many requests came since the last `forget`; returns `requests`."""
        lines = self._process.stdout
        self._process.wait_for_output(
            lambda: len(lines) - 1 - self._seen >= count, f"{count} requests", deadline
        )
        self.requests = [recorded(json.loads(line)) for line in lines[1 + self._seen :]]
        return self.requests

    def forget(self) -> None:
        """Counts anew."""
        self._seen = len(self._process.stdout) - 1
        self.requests = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.close()


def recorded(told: Any) -> Http2Recorded:
    """What a line of the server says."""
    return Http2Recorded(
        headers=fields(told["fields"]),
        trailers=fields(told["trailers"]),
        content_size=told["size"],
        content_sha256=told["sha256"],
        server_name=told["serverName"],
        peer=told["peer"],
    )


def fields(listed: list[list[str]]) -> Headers:
    """Fields as bytes: each character is one."""
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in listed)

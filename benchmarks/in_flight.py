"""What many large responses at once need of the daemon's memory: `make in-flight`.

    python -m benchmarks.in_flight [--responses N] [--size-mib N] [--budget-mib N] [--spool]

A server answers every request at the same time, with contents that are a byte too long for the
daemon: so each is held for as long as it may be, and none is left in the journal. Without
`--spool` the daemon has no disk, and servers whose responses have no room have to wait. Ends
with 1 when the daemon took more than it had before, its budget, what each response's beginning
takes in its event and in the log, and what Python needs to keep all that.
"""

import argparse
import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from flowreplay.v1 import reason_pb2
from flowreplay_client import connect, request_flow

from benchmarks.memory import peak, resident
from benchmarks.processes import daemon_process

MIB = 1 << 20

_PIECE = bytes(256 << 10)

_BEGINNING = 128 << 10
"""Events have the first 64 KiB of a content, and so has the log when it is ended."""
_KEEPING = 16 * MIB
"""For blocks of memory that are partly used."""


class Target:
    """Answers once all of them have asked; each answer is chunked or has a length, in turn."""

    def __init__(self, responses: int, size: int) -> None:
        self._responses = responses
        self._size = size
        self._asked = 0
        self._all = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one answer."""
        await reader.readuntil(b"\r\n\r\n")
        self._asked += 1
        chunked = self._asked % 2
        if self._asked == self._responses:
            self._all.set()
        await self._all.wait()
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % self._size
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        try:
            for at in range(0, self._size, len(_PIECE)):
                piece = _PIECE[: self._size - at]
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
        except ConnectionError:
            pass  # It had enough.
        finally:
            writer.close()


@contextmanager
def target(responses: int, size: int) -> Iterator[int]:
    """Runs the server in a thread; yields its port."""
    ports: SimpleQueue[int] = SimpleQueue()
    stopping = threading.Event()

    async def serve() -> None:
        answers = Target(responses, size).serve
        server = await asyncio.start_server(answers, "127.0.0.1", 0, backlog=responses)
        async with server:
            ports.put(server.sockets[0].getsockname()[1])
            await asyncio.to_thread(stopping.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield ports.get()
    finally:
        stopping.set()
        thread.join()


def measure(responses: int, size: int, budget: int, *, spool: bool) -> tuple[int, int]:
    """Returns what the daemon had in memory before, and its peak, in bytes.

    Raises SystemExit when a replay ended otherwise than by the size of its content.
    """
    options = [f"--concurrency={responses}", f"--memory-budget={budget}", "--total-timeout=1h"]
    options += [f"--body-size-limit={size}", *([] if spool else ["--ephemeral"])]
    with target(responses, size + 1) as port, daemon_process(*options) as daemon:
        with connect(daemon.address) as client:
            before = resident(daemon.pid)
            flows = [request_flow("GET", f"http://127.0.0.1:{port}/") for _ in range(responses)]
            cursor = client.enqueue(flows).cursor
            ended = [
                event.error.reason
                for event in client.watch(start=cursor, until_idle=True, kinds=["error"])
            ]
        if ended != [reason_pb2.REASON_BODY_TOO_LARGE] * responses:
            names = {reason_pb2.Reason.Name(each) for each in ended}
            raise SystemExit(f"{len(ended)} of {responses} replays failed, for {names}")
        return before, peak(daemon.pid)


def main() -> int:
    """Prints the peak; returns 1 when it was too high."""
    parser = argparse.ArgumentParser(description="Measures what large responses at once need.")
    parser.add_argument("--responses", type=int, default=500)
    parser.add_argument("--size-mib", type=int, default=64, help="of each")
    parser.add_argument("--budget-mib", type=int, default=128)
    parser.add_argument("--spool", action="store_true", help="contents go to a disk")
    arguments = parser.parse_args()
    budget = arguments.budget_mib * MIB
    before, highest = measure(
        arguments.responses, arguments.size_mib * MIB, budget, spool=arguments.spool
    )
    print(
        f"{arguments.responses} responses of {arguments.size_mib} MiB at once, a budget of "
        f"{arguments.budget_mib} MiB: the daemon had {before / MIB:.0f} MiB before, and "
        f"{highest / MIB:.0f} MiB at its peak"
    )
    return int(highest > before + budget + arguments.responses * _BEGINNING + _KEEPING)


if __name__ == "__main__":
    sys.exit(main())

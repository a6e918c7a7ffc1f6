"""A comparing process, as who uses it sees it: one comparison, or one answer to be looked through,
at a time.
"""

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from flowreplay.v1 import history_pb2

from replayd.codec.comparison import encode_comparison
from replayd.comparer.frames import Frame
from replayd.model.comparison import Comparison, Verdict
from replayd.workers.frames import frame, read_frame
from replayd.workers.process import OUT_OF_REACH, command

MEMORY_LIMIT = 1 << 30
"""Bytes of address space of a process: two contents of a MiB as values, many times over."""

CPU_SECONDS = 10.0
"""Processor time of one comparison, or of looking through one answer."""

IN_EVENTS = 10
"""Differences that are told one by one in an event."""

LEARNT = 100
"""Rules that are learnt of one replay; where more would be, all of its content is noise."""


Answer = TypeVar("Answer")


class ComparerSettings(NamedTuple):
    """What a process is told at its start."""

    redact_headers: tuple[str, ...] = ()
    redact_parameters: tuple[str, ...] = ()
    redaction_key: bytes = b""
    memory_limit: int = MEMORY_LIMIT
    cpu_seconds: float = CPU_SECONDS

    def as_json(self) -> str:
        """Returns the process's argument: without the key, for command lines are public."""
        return json.dumps(
            {
                "redact_headers": self.redact_headers,
                "redact_parameters": self.redact_parameters,
                "memory_limit": self.memory_limit,
                "cpu_seconds": self.cpu_seconds,
            }
        )


class Side(NamedTuple):
    """A response to compare."""

    head: bytes
    """An encoded `flowreplay.v1.Response` without its content."""
    content: Callable[[], Iterable[bytes]]
    """Called for each time that it is read, by another thread if need be."""


class Compared(NamedTuple):
    """What a comparison came to."""

    shown: bytes
    """An encoded `flowreplay.v1.Comparison` as everybody may see it."""
    whole: bytes
    """The same with its secrets."""
    noise: tuple[str, ...] = ()
    """Rules that leave out the differences."""
    learn: bool = False
    """The batch wants the request sent once more, if that is safe, and then asked again."""


class LimitError(Exception):
    """It took too much time or memory, or there is no process to do it in; the text says which."""


class ComparerProcess:
    """A process that compares; it is started when it is first needed, and again when it died.
    For one thread.
    """

    def __init__(self, settings: ComparerSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def compare(self, rules: history_pb2.DiffRequest, recorded: Side, replayed: Side) -> Compared:
        """Compares two responses by the rules of a request, with as many differences as that
        asks for.

        Raises LimitError, and what the reading of a content does.
        """
        return self._asked(lambda process: _exchange(process, rules, recorded, replayed))

    def look(self, sources: Sequence[str], head: bytes, content: bytes) -> list[list[bytes]]:
        """Returns what an answer has at these sources of live values. `head`: as of a `Side`;
        `content`: unpacked.

        Raises LimitError.
        """
        return self._asked(lambda process: _look(process, sources, head, content))

    def _asked(self, ask: "Callable[[subprocess.Popen[bytes]], Answer]") -> "Answer":
        try:
            process = self._process or self._start()
        except OSError as error:
            raise LimitError(f"no process to compare in can be started: {error}") from error
        try:
            return ask(process)
        except (EOFError, BrokenPipeError) as error:
            code = self._ended()
            raise LimitError(
                f"the comparing process ended with code {code}: it took too much time or memory"
            ) from error
        except BaseException:
            # It is left in the middle of one.
            self.close()
            raise

    def close(self) -> None:
        """Ends the process. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def _start(self) -> "subprocess.Popen[bytes]":
        process = self._process = subprocess.Popen(  # noqa: S603 - our own
            command("replayd.comparer.worker", self._settings.as_json()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=OUT_OF_REACH,
        )
        assert process.stdin is not None
        process.stdin.write(frame(Frame.KEY, self._settings.redaction_key))
        return process

    def _ended(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return process.wait()


def undecided(note: str) -> Compared:
    """Makes the result of a comparison that could not be made."""
    encoded = encode_comparison(Comparison(Verdict.UNDECIDED, note=note), reveal=True)
    return Compared(encoded, encoded)


def _exchange(
    process: "subprocess.Popen[bytes]",
    rules: history_pb2.DiffRequest,
    recorded: Side,
    replayed: Side,
) -> Compared:
    sink, source = process.stdin, process.stdout
    assert sink is not None
    assert source is not None
    sink.write(frame(Frame.RULES, rules.SerializeToString()))
    sink.write(frame(Frame.RECORDED, recorded.head))
    sink.write(frame(Frame.REPLAYED, replayed.head))
    for side in (recorded, replayed):
        for piece in side.content():
            sink.write(frame(Frame.PIECE, piece))
        sink.write(frame(Frame.END))
    sink.flush()
    shown, whole, noise = (read_frame(source)[1] for _ in range(3))
    return Compared(shown, whole, tuple(json.loads(noise)))


def _look(
    process: "subprocess.Popen[bytes]", sources: Sequence[str], head: bytes, content: bytes
) -> list[list[bytes]]:
    sink, source = process.stdin, process.stdout
    assert sink is not None
    assert source is not None
    sink.write(frame(Frame.SOURCES, json.dumps(sources).encode()))
    sink.write(frame(Frame.REPLAYED, head))
    sink.write(frame(Frame.PIECE, content))
    sink.flush()
    _, found = read_frame(source)
    return [[value.encode("latin-1") for value in values] for values in json.loads(found)]

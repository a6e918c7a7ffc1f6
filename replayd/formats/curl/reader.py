"""A text with curl commands to flows. The text is in memory as a whole, which bounds it."""

import re
from collections.abc import Iterator
from dataclasses import replace

from replayd.formats.curl.request import UnknownRequestError, requests
from replayd.formats.curl.shell import Command, Shell, UnclosedError
from replayd.formats.streams import Source, read_whole
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found, Request

FILE_SESSION = "file"
"""The session of commands, which run one after the other."""

MAX_FILE = 192 << 20
"""Bytes: a content of 64 MiB with its escapes."""

MAX_MADE = 128 << 20
"""Bytes of all requests of a text beside 16 times its own: each URL of a command gets the
same content and fields.
"""

_FEW_FIELDS = 16
_MANY = 512
"""Bytes that each field beyond a few counts for: about what a request takes for it."""

_REREAD = 1 << 20
"""Bytes that may be read again after commands without an end, beside eight times the text:
each of them may take in all of the rest.
"""

_MARK = b"\xef\xbb\xbf"
_CURL = re.compile(rb"(?:.*/)?curl(?:\.exe)?", re.DOTALL)
_BEFORE = re.compile(
    rb"[A-Za-z_]\w*=.*|\$|if|then|else|elif|while|until|do|!|\{|sudo|time|exec|command|env|nohup",
    re.DOTALL,
)
"""Words that may stand before a command: assignments, a prompt, and the like."""

_COMMAND_LINE = re.compile(
    rb"^(?:\$ |[A-Za-z_]\w*=\S* )?[^\s'\"#;|&]*\bcurl(?:\.exe)?[ \t]", re.MULTILINE
)
_TIMESTAMP = re.compile(rb"#([0-9]{9,10})")
"""The line that bash writes before a command of its history."""
_ZSH_TIMESTAMP = re.compile(rb"([0-9]{9,10}):[0-9]+")


def begins_curl(head: bytes) -> bool:
    """Tells whether a text that begins so holds curl commands."""
    return _COMMAND_LINE.search(head.removeprefix(_MARK)) is not None


def read_curl(stream: Source) -> Iterator[Found]:
    """Reads the flows of a text, in its order; notes before their flow.

    Commands of other programs are passed over. Goes on after a command whose quotes have
    no end with the next line.
    """
    data = read_whole(stream, MAX_FILE)
    if data is None:
        yield DamagedFlow(f"the text is larger than {MAX_FILE} bytes; split it", MAX_FILE)
        return
    yield from _Text(data).flows()


class _Text:
    """A text, read from one command to the next."""

    def __init__(self, data: bytes) -> None:
        self._shell = Shell(data, len(_MARK) if data.startswith(_MARK) else 0)
        self._size = len(data)
        self._reread = _REREAD + 8 * len(data)
        self._left = MAX_MADE + 16 * len(data)
        self._index = 0
        self._time: float | None = None

    def flows(self) -> Iterator[Found]:
        """Yields the flows, and what stands in the place of commands without an end."""
        more = True
        while more:
            try:
                yield from self._commands()
                return
            except UnclosedError:
                pass
            offset, more = self._shell.command.offset, self._reread > 0
            self._reread -= self._size - offset
            if _as_curl(self._shell.command) is not None or not more:
                message = "the command's quotes, or what stands in $( ), have no end"
                yield DamagedFlow(f"this is no whole curl command: {message}", offset)
                self._index += 1
            self._shell.skip_line(offset)

    def _commands(self) -> Iterator[Found]:
        """Yields the flows up to the next command without an end. Raises UnclosedError."""
        for command in self._shell.commands():
            self._time = _time(command) or self._time
            if (curl := _as_curl(command)) is not None:
                yield from self._flows(curl)
                self._time = None

    def _flows(self, command: Command) -> Iterator[Found]:
        """Yields a flow for each request of a command."""
        notes: list[str] = []
        made = requests(command, notes)
        more = True
        while more:
            try:
                request = next(made, None)
                if request is None:
                    return
                self._count(request)
                request = request._replace(start_time=self._time)
            except UnknownRequestError as error:
                notes.append(f"what curl sends can't be told: {error}")
                request, more = None, False
            for note in notes:
                yield CaptureNote(self._index, note)
            notes.clear()
            yield Flow(session_id=FILE_SESSION, request=request)
            self._index += 1

    def _count(self, request: Request) -> None:
        """Raises UnknownRequestError when all requests so far are too large."""
        fields = request.headers
        self._left -= len(request.path) + len(request.content or b"")
        self._left -= sum(len(name) + len(value) for name, value in fields)
        self._left -= _MANY * max(len(fields) - _FEW_FIELDS, 0)
        if self._left < 0:
            raise UnknownRequestError("it repeats so much for each URL; write several files")


def _as_curl(command: Command) -> Command | None:
    """Returns a command of curl without what stands before it; None: it is another one's."""
    for position, word in enumerate(command.words):
        if _CURL.fullmatch(word.text) and not word.unknown:
            return replace(command, words=command.words[position:])
        if not _BEFORE.fullmatch(word.text):
            return None
    return None


def _time(command: Command) -> float | None:
    """Returns when a command of a history ran, where that is said."""
    found = _TIMESTAMP.fullmatch(command.comment)
    if found is None and command.words[0].text == b":" and len(command.words) == 2:
        found = _ZSH_TIMESTAMP.fullmatch(command.words[1].text)
    return float(found[1]) if found else None

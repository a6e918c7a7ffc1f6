"""A text with curl commands to flows. The text is in memory as a whole, which bounds it."""

import re
from collections.abc import Iterator
from dataclasses import replace

from replayd.formats.curl.request import UnknownRequestError, requests
from replayd.formats.curl.shell import Command, Shell, UnclosedError
from replayd.formats.streams import Source, read_whole
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found

FILE_SESSION = "file"
"""The session of commands, which run one after the other."""

MAX_FILE = 192 << 20
"""Bytes: a content of 64 MiB with its escapes."""

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
    start = len(_MARK) if data.startswith(_MARK) else 0
    shell, index, time = Shell(data, start), 0, None
    while True:
        try:
            for command in shell.commands():
                time = _time(command) or time
                if (curl := _as_curl(command)) is None:
                    continue
                for found in _flows(curl, index, time):
                    yield found
                    index += isinstance(found, Flow)
                time = None
            return
        except UnclosedError:
            if _as_curl(shell.command) is not None:
                message = "the command's quotes, or what stands in $( ), have no end"
                yield DamagedFlow(f"this is no whole curl command: {message}", shell.command.offset)
                index += 1
            shell.skip_line(shell.command.offset)


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


def _flows(command: Command, index: int, time: float | None) -> Iterator[Flow | CaptureNote]:
    """Yields a flow for each request of a command."""
    notes: list[str] = []
    made = requests(command, notes)
    more = True
    while more:
        try:
            request = next(made, None)
            if request is None:
                return
            flow = Flow(session_id=FILE_SESSION, request=replace(request, start_time=time))
        except UnknownRequestError as error:
            notes.append(f"what curl sends can't be told: {error}")
            flow, more = Flow(session_id=FILE_SESSION), False
        for note in notes:
            yield CaptureNote(index, note)
        notes.clear()
        yield flow
        index += 1

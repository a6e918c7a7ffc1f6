"""Shell text to the words of its simple commands, as bash reads them (bash(1), QUOTING).

Nothing is run and nothing is looked up: a word that holds the value of a variable or the
output of a command says which, but for `$(printf ...)`, with which tools write bytes that
can't be typed. Loops and conditions are only seen through.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from replayd.formats.curl.escapes import UnknownOutputError, ansi_c, printf

_MAX_DEPTH = 8
"""Command substitutions inside each other."""

_NAMED = 3
"""Things that only a shell could tell, of which a word says what they are."""

_BLANK = re.compile(rb"(?:[ \t]++|\\\r?\n)++")
_CONTINUED = re.compile(rb"\\\r?\n")
_PLAIN = re.compile(rb"[^ \t\r\n\\'\"$`;&|()<>]+")
_SINGLE = re.compile(rb"'([^']*+)'")
_ANSI_C = re.compile(rb"\$'((?:[^'\\]++|\\.)*+)'", re.DOTALL)
_IN_DOUBLE = re.compile(rb"[^\"\\$`]+")
_EXPANSION = re.compile(rb"\$(?:\w+|\{[^}\n]{0,1000}+\}|[@*#?$!-])")
_BACKTICKS = re.compile(rb"`((?:[^`\\]++|\\.)*+)`", re.DOTALL)
_COMMENT = re.compile(rb"#[^\n]*")
_OPERATOR = re.compile(rb"\r?\n|&&|\|\||;;|\|&|[;|()\r]|&(?!>)")
_REDIRECTION = re.compile(rb"&>>?|\d*(?:<<<|<<-?|<>|<&|>>|>&|>\||<|>)")
_LINE = re.compile(rb"[^\n]*(?:\n|\Z)")


class Word(NamedTuple):
    """A word of a command, without its quotes."""

    text: bytes
    unknown: str = ""
    """What of it only a shell could tell."""


@dataclass(slots=True)
class Command:
    """A simple command."""

    offset: int
    words: list[Word] = field(default_factory=list)
    stdin: Word | None = None
    """What it reads, where that is said."""
    comment: bytes = b""
    """The comment on the line before."""


class UnclosedError(Exception):
    """A quote, or a substitution, has no end."""


class Shell:
    """The commands of a text; iterate over `commands` once."""

    def __init__(self, data: bytes, position: int = 0, depth: int = 0) -> None:
        self._data = data
        self._depth = depth
        self._heredocs: list[tuple[Command, bytes, bool, bool]] = []
        self.position = position
        self.command = Command(position)
        """The one being read."""

    def commands(self) -> Iterator[Command]:
        """Yields each command, to the end or a `)` that was not opened. Raises UnclosedError.

        It may be iterated again after an error, from `position` on.
        """
        data, piped, comment, opened = self._data, False, b"", 0
        self.command = Command(self.position)
        while True:
            self._skip(_BLANK)
            at = self.position
            found = _OPERATOR.match(data, at)
            if found is None and at < len(data):
                if data[at : at + 1] == b"#":
                    comment = self._skip(_COMMENT)
                elif redirection := _REDIRECTION.match(data, at):
                    self._redirect(redirection)
                else:
                    if not self.command.words:
                        self.command.offset = at
                    self.command.words.append(self._word())
                continue
            operator = found[0] if found else b""
            self.position = at + len(operator)
            if operator.endswith(b"\n"):
                self._read_heredocs()
            if self.command.words:
                if piped and self.command.stdin is None:
                    self.command.stdin = Word(b"", "the output of another command")
                self.command.comment, comment = comment, b""
                yield self.command
            piped = operator in (b"|", b"|&")
            opened += (operator == b"(") - (operator == b")")
            self.command = Command(self.position)
            if at >= len(data):
                if self._depth:
                    raise UnclosedError
                return
            if opened < 0 and self._depth:
                return

    def skip_line(self, start: int) -> None:
        """Goes on behind the line in which `start` lies."""
        found = _LINE.match(self._data, start)
        assert found is not None
        self.position = found.end()
        self._heredocs.clear()

    def _skip(self, pattern: re.Pattern[bytes]) -> bytes:
        found = pattern.match(self._data, self.position)
        if found is None:
            return b""
        self.position = found.end()
        return found[0]

    def _word(self) -> Word:
        """Reads the word at the position: pieces of all kinds that stand together."""
        pieces: list[bytes] = []
        unknown: list[str] = []
        start = self.position
        while (piece := self._piece()) is not None:
            pieces.append(piece.text)
            _name(unknown, piece)
        if self.position == start:
            # Nothing that begins a word: taken as it stands, so that reading goes on.
            pieces.append(self._data[start : start + 1])
            self.position += 1
        return Word(b"".join(pieces), ", ".join(unknown))

    def _piece(self) -> Word | None:
        """Reads the next piece of a word; None at its end."""
        data, at = self._data, self.position
        first = data[at : at + 1]
        if found := _PLAIN.match(data, at):
            self.position = found.end()
            return Word(found[0])
        if first == b"\\":
            continued = _CONTINUED.match(data, at)
            self.position = continued.end() if continued else min(at + 2, len(data))
            return Word(b"" if continued else data[at + 1 : at + 2])
        if first == b"'":
            return Word(self._closed(_SINGLE)[1])
        if data.startswith(b"$'", at):
            return Word(ansi_c(self._closed(_ANSI_C)[1]))
        if first == b'"' or data.startswith(b'$"', at):
            self.position = at + (2 if first == b"$" else 1)
            return self._double()
        if first in (b"$", b"`") and first:
            return self._substitution()
        return None

    def _closed(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        found = pattern.match(self._data, self.position)
        if found is None:
            raise UnclosedError
        self.position = found.end()
        return found

    def _double(self) -> Word:
        """Reads what stands between double quotes, the first of which was read."""
        pieces: list[bytes] = []
        unknown: list[str] = []
        data = self._data
        while True:
            pieces.append(self._skip(_IN_DOUBLE))
            first = data[self.position : self.position + 1]
            if not first:
                raise UnclosedError
            if first == b'"':
                self.position += 1
                return Word(b"".join(pieces), ", ".join(unknown))
            if first == b"\\":
                pieces.append(self._escaped())
            else:
                piece = self._substitution()
                pieces.append(piece.text)
                _name(unknown, piece)

    def _escaped(self) -> bytes:
        """Reads a backslash between double quotes, and what follows it."""
        if self._skip(_CONTINUED):
            return b""
        escaped = self._data[self.position + 1 : self.position + 2]
        self.position = min(self.position + 2, len(self._data))
        return escaped if escaped in b'"\\$`' else b"\\" + escaped

    def _substitution(self) -> Word:
        """Reads what a shell would replace; a `$` before anything else is one."""
        data, at = self._data, self.position
        if data.startswith(b"`", at):
            return Word(b"", f"the output of {_shown(self._closed(_BACKTICKS)[1])}")
        if data.startswith(b"$(", at):
            return self._output()
        found = _EXPANSION.match(data, at)
        self.position = found.end() if found else at + 1
        return Word(b"", f"the value of {_shown(found[0])}") if found else Word(b"$")

    def _output(self) -> Word:
        """Reads a `$(...)`."""
        if self._depth == _MAX_DEPTH:
            raise UnclosedError
        start = self.position + 2
        inner = Shell(self._data, start, self._depth + 1)
        commands = list(inner.commands())
        self.position = inner.position
        shown = _shown(self._data[start : min(inner.position - 1, start + _SHOWN)])
        if len(commands) == 1 and not any(word.unknown for word in commands[0].words):
            try:
                # As bash, which drops these in what is put in a command's place.
                text = printf([word.text for word in commands[0].words])
                return Word(text.replace(b"\0", b"").rstrip(b"\n"))
            except UnknownOutputError:
                pass
        return Word(b"", f"the output of {shown}")

    def _redirect(self, found: re.Match[bytes]) -> None:
        self.position = found.end()
        operator = found[0].lstrip(b"0123456789&")
        self._skip(_BLANK)
        quoted = self._data[self.position : self.position + 1] in (b"'", b'"', b"\\")
        target = self._word()
        if operator in (b"<<", b"<<-"):
            self._heredocs.append((self.command, target.text, operator == b"<<-", quoted))
        elif operator == b"<<<":
            self.command.stdin = Word(target.text + b"\n", target.unknown)
        elif operator == b"<":
            named = target.unknown or f"the file {_shown(target.text)}"
            self.command.stdin = Word(b"", named)

    def _read_heredocs(self) -> None:
        """Reads the lines that belong to `<<` on the line before."""
        for command, delimiter, tabs, quoted in self._heredocs:
            lines = []
            while self.position < len(self._data):
                line = self._skip(_LINE)
                line = line.lstrip(b"\t") if tabs else line
                if line.rstrip(b"\r\n") == delimiter:
                    break
                lines.append(line)
            text = b"".join(lines)
            expands = not quoted and any(mark in text for mark in (b"$", b"`", b"\\"))
            unknown = "what a shell makes of the text that it reads" if expands else ""
            command.stdin = Word(text, unknown)
        self._heredocs.clear()


def _name(unknown: list[str], piece: Word) -> None:
    """Adds what only a shell could tell of a piece, unless enough is named."""
    if piece.unknown and len(unknown) < _NAMED:
        unknown.append(piece.unknown)


def _shown(text: bytes) -> str:
    return repr(text[:_SHOWN].decode("utf-8", "replace"))


_SHOWN = 40

"""What a command says: results on stdout, talk on stderr.

`text` is for people, coloured only on a terminal; `json` is proto3 JSON, one message a
line, flushed so that a reader sees each at once.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

import click
from google.protobuf.message import Message

from replayctl.printable import printable


class Output:
    """Where a command's words go, and in which form."""

    def __init__(self, *, as_json: bool, outlives_reader: bool = False) -> None:
        self.as_json = as_json
        self._outlives_reader = outlives_reader
        self._coloured = not as_json and _takes_colour(sys.stdout)

    def outliving_its_reader(self) -> "Output":
        """Returns the output of a command that does more than it says.

        People pipe it into `head` and still want all of it done; when text has no reader
        any more it goes nowhere, quietly. JSON still raises BrokenPipeError: what a
        program misses, such as a batch's id, it can't follow.
        """
        return Output(as_json=self.as_json, outlives_reader=not self.as_json)

    def show(self, message: Message, *lines: str) -> None:
        """Prints a result: the message as JSON, or its lines of text."""
        if self.as_json:
            # Loaded only here: text output has no use for it.
            from google.protobuf.json_format import MessageToJson  # noqa: PLC0415

            lines = (
                MessageToJson(message, indent=None, always_print_fields_with_no_presence=True),
            )
        self.text(*lines)

    def show_object(self, values: Mapping[str, object], *lines: str) -> None:
        """Prints a result that is no message of the contract, in the same two forms."""
        self.text(*((json.dumps(values),) if self.as_json else lines))

    def text(self, *lines: str) -> None:
        """Prints lines on stdout, at once."""
        for line in lines:
            try:
                # Flushes, and takes a stdout that is closed for one that nobody reads.
                click.echo(line)
            except BrokenPipeError:
                if not self._outlives_reader:
                    raise
                give_up_stdout()

    def style(self, text: str, colour: str) -> str:
        """Returns text in a colour, or bold, where stdout shows colours."""
        if not self._coloured:
            return text
        return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def note(text: str) -> None:
    """Says something on stderr that is not the result."""
    click.echo(f"replayctl: {printable(text)}", err=True)


def give_up_stdout() -> None:
    """Sends what is still buffered nowhere, so that the end of the process is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _takes_colour(stream: TextIO) -> bool:
    # https://no-color.org: set and not empty.
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not dull

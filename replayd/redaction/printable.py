"""What is said on a terminal or in a log: no secrets in it, and nothing that could move a cursor,
turn text around or look like a line of its own.
"""

import traceback

from replayd.redaction.redactor import UNKEYED

_MARGIN = "    | "
"""Before each line of a traceback: an error's text may have line ends, and lines like ours."""


def printable(text: str) -> str:
    """Escapes what could move a terminal's cursor or forge a line."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def said(text: str) -> str:
    """Returns a message on one line, without secrets."""
    return printable(UNKEYED.text(text))


def said_of(error: BaseException) -> str:
    """Returns an error's traceback, on lines that look like nobody else's."""
    told = UNKEYED.text("".join(traceback.format_exception(error)).rstrip("\n"))
    return "\n".join(_MARGIN + printable(line) for line in told.split("\n"))

"""Makes what captures and servers sent safe to print.

A terminal obeys control characters, and some that don't show reorder what does; none of
them leaves this program as it came. Pure.
"""


def printable(text: str | bytes) -> str:
    """Returns text on one line, whatever is not printable written as an escape."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    # `unicode_escape` knows \n, \x1b and \u202e alike.
    return character.encode("unicode_escape").decode("ascii")

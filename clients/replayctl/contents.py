"""Bodies for people: text as text, anything else as a hex dump. Pure."""

from collections.abc import Iterator

from replayctl.printable import printable

MOST_BYTES = 1 << 20
"""The most that the daemon sends of one content, with an event or a plan."""

_UNITS = ("KiB", "MiB", "GiB", "TiB")

_DUMP_WIDTH = 16

_TEXT_CONTROLS = frozenset(b"\t\n\r\f")


def size_text(size: int) -> str:
    """Returns a number of bytes for people: `512 B`, `1.2 KiB`."""
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    for unit in _UNITS:
        amount /= 1024
        if amount < 1000 or unit == _UNITS[-1]:
            break
    return f"{amount:.1f} {unit}"


def content_lines(content: bytes, size: int) -> Iterator[str]:
    """Yields the lines that show a content of which `size` bytes exist in all."""
    yield from _text_lines(content) if looks_like_text(content) else _dump(content)
    if size > len(content):
        yield f"... {size - len(content)} more bytes"


def looks_like_text(content: bytes) -> bool:
    """Tells whether bytes, of which the last may be missing, are text."""
    if any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in content):
        return False
    try:
        content.decode()
    except UnicodeDecodeError as error:
        # A cut within the last character does not make text binary.
        return error.reason == "unexpected end of data"
    return True


def _text_lines(content: bytes) -> Iterator[str]:
    for line in content.decode(errors="replace").split("\n"):
        yield printable(line.removesuffix("\r").expandtabs())


def _dump(content: bytes) -> Iterator[str]:
    for start in range(0, len(content), _DUMP_WIDTH):
        row = content[start : start + _DUMP_WIDTH]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):<{_DUMP_WIDTH * 3 - 1}}  {shown}"

"""Bodies for people: text as text, anything else as a hex dump. Pure."""

from collections.abc import Iterator

from replayctl.printable import printable

MOST_BYTES = 1 << 20
"""The most that the daemon sends of one content, with an event or a plan."""

_DUMP_WIDTH = 16

_TEXT_CONTROLS = frozenset(b"\t\n\r\f")


def content_lines(content: bytes, size: int) -> Iterator[str]:
    """Yields the lines that show a content of which `size` bytes exist in all."""
    yield from _text_lines(content) if _looks_like_text(content) else _dump(content)
    if size > len(content):
        yield f"... {size - len(content)} more bytes"


def _looks_like_text(content: bytes) -> bool:
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

"""Each command of the table of features does what it is to show."""

import re
import socket

import pytest

from tests.docs.examples import Reader, examples
from tests.support.programs import ROOT

DOCUMENT = ROOT / "docs/features.md"


def shown() -> list[str]:
    """The commands of the table, from top to bottom."""
    rows = re.findall(r"^\| (?!feature|---)(.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    cells = [re.split(r"(?<!\\) \| ?", row) for row in rows]
    assert all(len(row) in (3, 4) for row in cells), "a row with a cell too many"
    return [row[2].strip("`").replace("\\|", "|") for row in cells if row[2].startswith("`")]


def test_each_command_of_the_table_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    reader = Reader(port)
    try:
        for example in examples(DOCUMENT):
            reader.run(example)
        for command in shown():
            full = command.replace("rec-basic.mitm", "tests/data/captures/rec-basic.mitm")
            full = full.replace(" TO", f" --connect-to http://=127.0.0.1:{port} --wait")
            reader.enter(full.replace("8080", str(port)), [])
    finally:
        reader.close()


@pytest.mark.parametrize("wanted", ["enqueue", "watch", "list", "hook", "retry", "pause", "status"])
def test_the_commands_are_found(wanted: str) -> None:
    assert any(f"replayctl {wanted}" in command for command in shown())

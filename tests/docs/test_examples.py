"""Every example in the documents does what the document says; links lead somewhere."""

import re
import socket
from pathlib import Path

import pytest

from tests.docs.examples import Example, Reader, compare, examples
from tests.support.programs import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = {"console", "python", "toml"}
READ = {"ini", "protobuf", "sh", "yaml"}
"""Blocks that show something and are not run: excerpts, and what other tests do."""


def name(document: Path) -> str:
    return document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_examples_do_what_they_say(document: Path) -> None:
    found = list(examples(document))
    assert {example.language for example in found} <= RUN | READ
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    reader = Reader(port)
    try:
        for example in found:
            try:
                reader.run(example)
            except AssertionError as error:
                raise AssertionError(f"{document.name}:{example.line}: {error}") from error
    finally:
        reader.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
            assert anchor in anchors, target


def test_a_wrong_example_is_seen() -> None:
    reader = Reader(1)
    try:
        reader.run(Example("console", "", "$ echo hello\nhello\n", 1))
        with pytest.raises(AssertionError, match="printed"):
            reader.run(Example("console", "", "$ echo hello\ngoodbye\n", 1))
        with pytest.raises(AssertionError, match="returncode=3"):
            reader.run(Example("console", "", "$ exit 3\n", 1))
    finally:
        reader.close()


def test_dots_stand_for_any_lines() -> None:
    compare("x", ["a", "...", "d"], "a\nb\nc\nd\n")
    with pytest.raises(AssertionError):
        compare("x", ["a", "...", "d"], "a\nb\nc\n")

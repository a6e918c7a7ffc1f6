"""Finds the examples of a document and runs them as a reader would, from top to bottom.

`console` blocks hold commands after `$ ` and what they print; `...` stands for anything,
alone in a line for any number of lines. A command that serves runs on, as in a terminal
of its own. `python` blocks are run as programs; those marked `from-protos` know nothing
but generated code, and those marked with a file's name are what that file holds. `toml`
blocks configure the daemon. Anything else is not an example.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.support.daemon import READY, clean_environment
from tests.support.processes import DEADLINE, Process
from tests.support.programs import ROOT, find

_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SERVERS = (
    "replayd serve",
    "python tools/sample_server.py",
    "replayctl --address unix:replayd.sock hook",
)
_IS_UP = (READY, "stamp is asked at: ")
_PORT = "8080"
_VARYING = [
    (re.compile(r"\b(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3}\b"), "TIME"),
    (re.compile(r"(?<=^TIME  )[a-z2-7]{8}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+\.\d+ m?s\b"), "DURATION"),
    (re.compile(r"\bbatch \w{8}\b"), "batch ID"),
    (re.compile(r'"cursor": ?"[^"]+"'), "CURSOR"),
    (re.compile(r"\b(sqlite|memory) [0-9a-f]{16}\b"), r"\1 ID"),
    (re.compile(r" +"), " "),
]
"""What differs from run to run."""


class Example(NamedTuple):
    """A fenced block."""

    language: str
    mark: str
    text: str
    line: int


def examples(document: Path) -> Iterator[Example]:
    """Every fenced block with a language."""
    text = document.read_text()
    for match in _FENCE.finditer(text):
        yield Example(match[1], match[2].strip(), match[3], text[: match.start()].count("\n") + 2)


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines it is said to print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        # A backslash at a line's end goes on in the next line.
        command, _, output = part.replace("\\\n", "").partition("\n")
        yield command, output.splitlines()


class Reader:
    """Somebody who types a document's examples, in a folder that looks like the repo."""

    def __init__(self, port: int) -> None:
        self._stack = ExitStack()
        self._port = port
        # Not pytest's tmp_path: a Unix socket's path has at most 107 bytes.
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="reader-")))
        self.folder = folder / "repo"
        self.folder.mkdir(mode=0o700)
        for name in ("protos", "tests", "tools", "replayd", "clients", "pyproject.toml"):
            (self.folder / name).symlink_to(ROOT / name)
        # `python` has grpcio-tools and does not have replayd: what is generated must do.
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        self._generator = find("buf").parent / "python"
        python = bin_folder / "python"
        python.write_text(f'#!/bin/sh\nexec "{self._generator}" "$@"\n')
        python.chmod(0o700)
        path = [str(bin_folder), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = clean_environment(folder, PATH=os.pathsep.join(path))

    def close(self) -> None:
        """Ends what serves, and removes the folder."""
        self._stack.close()

    def run(self, example: Example) -> None:
        """Runs an example; raises AssertionError when it does not do what it says."""
        text = example.text.replace(_PORT, str(self._port))
        if example.language == "console":
            for command, printed in commands(text):
                self.enter(command, printed)
        elif example.mark.endswith(".py"):
            (self.folder / example.mark).write_text(text)
        elif example.language == "python":
            self._run_program(text, from_protos=example.mark == "from-protos")
        elif example.language == "toml":
            (self.folder / "replayd.toml").write_text(text)

    def enter(self, command: str, printed: list[str]) -> None:
        """Types a command; raises AssertionError when it fails or prints something else."""
        if command.startswith(_SERVERS):
            process = Process(
                ["bash", "-c", f"exec {command}"], environment=self.environment, folder=self.folder
            )
            self._stack.callback(process.close)
            process.wait_for_output(
                lambda: any(line.startswith(_IS_UP) for line in process.stdout), command
            )
            output = "\n".join(process.stdout)
            home = self.environment["HOME"]
            compare(command, [line.replace("/home/you", home) for line in printed], output)
            return
        done = self._run(["bash", "-c", command])
        compare(command, printed, done)

    def _run_program(self, text: str, *, from_protos: bool) -> None:
        program = self.folder / "example.py"
        program.write_text(text)
        python = self._generator if from_protos else Path(sys.executable)
        assert self._run([str(python), "example.py"]).strip(), "an example shows something"

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout


def compare(command: str, printed: list[str], output: str) -> None:
    """Compares what a command printed with what the document says."""
    wanted = [normal(line) for line in printed if line.strip()]
    got = [normal(line) for line in output.splitlines() if line.strip()]
    pattern = "\n".join(map(line_pattern, wanted))
    if wanted:
        assert re.fullmatch(pattern, "\n".join(got)), f"{command} printed:\n{output}"


def line_pattern(line: str) -> str:
    """What matches a line; `...` stands for anything in it, alone for any lines."""
    if line == "...":
        return r"(?:.*\n)*.*"
    return ".*".join(map(re.escape, line.split("...")))


def normal(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, word in _VARYING:
        line = pattern.sub(word, line)
    return line.strip()

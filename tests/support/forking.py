"""Runs `replayctl` in processes that are forked, which spares each the start of Python.

Loading Python, gRPC and the contract takes a third of a second of CPU, and the tests run many
hundreds of commands. Here one process has loaded it all, has done nothing else, and forks for
each command, which then has its own arguments, environment, streams, pid and end. Only the
start itself is not that of the installed command: `replayctl_process`, `start_replayctl`,
terminals and the documents' examples have that.
"""

import functools
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.processes import DEADLINE
from tests.support.programs import ROOT, find

_STARTING = threading.Lock()


def run_replayctl(
    arguments: Sequence[str], environment: Mapping[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end, with files as its streams.

    Raises subprocess.TimeoutExpired with what it has said after `DEADLINE`, and ends it.
    """
    command = [str(find("replayctl")), *arguments]
    request = json.dumps([command, dict(environment), str(Path.cwd())]).encode()
    files = [_file(content) for content in (request, stdin, b"", b"")]
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs:
            with _STARTING:
                parent, _ = _parent()
            socket.send_fds(parent, [b"."], [theirs.fileno(), *files])
            theirs.close()
            ours.settimeout(DEADLINE)
            try:
                code = ours.recv(16)
            except TimeoutError:
                code = b""
        said = [_content(descriptor) for descriptor in files[2:]]
    finally:
        for descriptor in files:
            os.close(descriptor)
    if not code:
        raise subprocess.TimeoutExpired(command, DEADLINE, *said)
    return subprocess.CompletedProcess(command, int(code), *said)


def _file(content: bytes) -> int:
    """A file of this content in memory, at its beginning."""
    descriptor = os.memfd_create("replayctl")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


@functools.cache
def _parent() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The process that forks, and where to ask it. It ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.support.forking"]
        return ours, subprocess.Popen(command, cwd=ROOT, stdin=theirs)


def _serve() -> Any:
    """Forks for each request on stdin; returns the request in the command's process, and None
    in this one when nobody asks any more.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for those who wait below.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A terminal's Ctrl-C is for the tests.
    with socket.socket(fileno=os.dup(0)) as asked:
        while True:
            message, descriptors, _, _ = socket.recv_fds(asked, 1, 5)
            if not message:
                return None
            if os.fork() == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
    return _attend(*descriptors)


def _attend(asker: int, wanted: int, *streams: int) -> Any:
    """Forks and tells how the command ended, or ends it when nobody wants to know any more;
    returns the request in the command's process.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if pid := os.fork():
        ended = os.pidfd_open(pid)
        if asker in select.select([ended, asker], [], [])[0]:
            os.kill(pid, signal.SIGKILL)
        else:
            _, status = os.waitpid(pid, 0)
            os.write(asker, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    request = json.loads(_content(wanted))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for descriptor in (asker, wanted, *streams):
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return request


def _main() -> None:
    # What commands load when they are needed.
    cli = importlib.import_module("replayctl.cli")
    for verb in cli.VERBS:
        importlib.import_module(f"replayctl.commands.{verb}")
    from replayctl.main import main  # noqa: PLC0415 - the tests' process needs none of this

    if request := _serve():
        sys.argv, environment, folder = request
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        os.chdir(folder)
        main()


if __name__ == "__main__":
    _main()

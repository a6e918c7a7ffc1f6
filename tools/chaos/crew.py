"""The processes that call the daemon, as chaos starts, rests and kills them."""

import select
import subprocess
import sys
import time
from pathlib import Path

from tools.chaos.books import Books
from tools.chaos.caller import Habits
from tools.chaos.told import Lines

_LOOK_SECONDS = 0.005


class Crew:
    """Some clients, the hook, and the process of the watchers."""

    def __init__(
        self, folder: Path, address: str, books: Books, seed: int, port: int, *, habits: Habits
    ) -> None:
        self._folder = folder
        self._address = address
        self._books = books
        self._seed = seed
        self._port = port
        self._habits = habits
        self._clients: list[subprocess.Popen[str]] = []
        self._watchers: subprocess.Popen[str] | None = None
        self._hook: subprocess.Popen[str] | None = None
        self._started = 0
        self._told: list[Lines] = []

    def start(self, clients: int, watchers: int, *, hook: bool = False) -> None:
        """Starts them; the clients wait for `work`. Without a hook all is sent."""
        for _ in range(clients):
            self._clients.append(self._new_client())
        if hook:
            self._books.add_client(self._folder / "hook")
            self._hook = self._new_hook()
        transcript = self._folder / "watchers"
        self._books.add_watchers(transcript)
        if watchers:
            command = [sys.executable, "-m", "tools.chaos.watcher", self._address]
            command += [str(transcript), str(self._seed), str(watchers)]
            self._watchers = subprocess.Popen(command, text=True)

    def work(self) -> None:
        """Has the clients call."""
        for client in self._clients:
            _tell(client, "work")

    def rest(self, seconds: float) -> bool:
        """Has the clients end what they do; True: no call of them is open any more. False: some
        go on, after all that time.
        """
        until = time.monotonic() + seconds
        for client in self._clients:
            _tell(client, "rest")
        for client in self._clients:
            assert client.stdout is not None
            left = max(until - time.monotonic(), 0)
            if not select.select([client.stdout], [], [], left)[0]:
                return False
            if client.stdout.readline() != "resting\n":
                raise RuntimeError("a client of chaos itself ended; its words are above")
        return True

    def wait_until_told(self, flows: int, seconds: float) -> None:
        """Waits until clients were told of so many accepted flows from now on, or that long."""
        until = time.monotonic() + seconds
        self._newly_told()
        while flows > 0 and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            flows -= self._newly_told()

    def _newly_told(self) -> int:
        lines = (line for each in self._told for line in each.new())
        return sum(line["count"] for line in lines if line["what"] == "accepted")

    def kill_client(self, number: int) -> None:
        """Kill -9 of one of them, in whatever call it is; another takes its place."""
        number %= len(self._clients)
        _end(self._clients[number])
        self._clients[number] = self._new_client()
        _tell(self._clients[number], "work")

    def kill_hook(self) -> None:
        """Kill -9 of the hook, with what it is asked; another takes its place."""
        assert self._hook is not None
        _end(self._hook)
        self._hook = self._new_hook()

    def close(self) -> None:
        """Ends all of them."""
        for client in self._clients:
            _end(client)
        for process in (self._watchers, self._hook):
            if process is not None:
                _end(process)

    def _new_hook(self) -> "subprocess.Popen[str]":
        self._started += 1
        command = [sys.executable, "-m", "tools.chaos.hooker", self._address]
        command += [str(self._folder / "hook"), f"{self._seed}:{self._started}"]
        return subprocess.Popen(command, text=True)

    def _new_client(self) -> "subprocess.Popen[str]":
        """Starts a client, with a name and a book of its own."""
        self._started += 1
        name = f"c{self._started}"
        book = self._folder / name
        self._books.add_client(book)
        self._told.append(Lines(book))
        command = [sys.executable, "-m", "tools.chaos.client", self._address, str(book), name]
        command += [str(self._seed), str(self._port), *map(str, self._habits)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _tell(client: "subprocess.Popen[str]", word: str) -> None:
    assert client.stdin is not None
    client.stdin.write(f"{word}\n")
    client.stdin.flush()


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()

"""Names to addresses that may be connected to; the lookup runs off the caller's thread.

Every address is checked by the rules before it is handed out, and exactly the checked
address is connected to: a name that resolves differently a moment later changes nothing
(DNS rebinding). Denied addresses of a name are left out; a name with no other is denied.
"""

import socket
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from replayd.errors import WireError
from replayd.planning.hosts import literal_address
from replayd.reasons import Reason
from replayd.wire.transport import Address

Lookup = Callable[[str, int], Sequence[Address]]
"""Asks the system; blocks; raises OSError."""

Done = Callable[[Sequence[Address] | WireError], None]

_THREADS = 4
"""A lookup that hangs (5 s a server by default) must not hold up other names."""
_CACHE_LIMIT = 4096


class TargetChecks(Protocol):
    """Where replays may go; `planning.target_rules.TargetRules` is it."""

    def check_host(self, host: str, port: int) -> str | None:
        """Says why a host is denied, before it is resolved; None: it is not."""

    def check_address(self, ip_text: str, host: str, port: int) -> str | None:
        """Says why an address of a host is denied; None: it is allowed."""


def system_lookup(host: str, port: int) -> Sequence[Address]:
    """Asks the system's resolver; raises OSError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:  # It can't even be asked for: IDNA, a NUL.
        raise OSError(f"not a host name ({error})") from error
    return list(dict.fromkeys(Address(family, addr) for family, _, _, _, addr in found))  # type: ignore[arg-type]


class Resolver:
    """Resolves and checks. Used from one thread; answers are posted back to it."""

    def __init__(
        self,
        checks: TargetChecks,
        post: Callable[[Callable[[], None]], None],
        *,
        cache_time: int,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._checks = checks
        self._post = post
        self._cache_time = cache_time
        self._lookup = lookup
        self._cache: dict[tuple[str, int], tuple[int, Sequence[Address]]] = {}
        self._waiting: dict[tuple[str, int], list[tuple[Done, bool]]] = {}
        self._questions: SimpleQueue[tuple[str, int, int] | None] = SimpleQueue()
        self._threads = 0

    def resolve(
        self, host: str, port: int, now: int, done: Done, *, checked: bool = True
    ) -> Sequence[Address] | None:
        """Returns the addresses when they are known; else None, and `done` is called later
        with them or with the error. `checked` off: the operator named it (a proxy).

        Raises WireError: TARGET_DENIED.
        """
        known = literal(host, port)
        if known is None:
            known = self._cached(host, port, now)
        if known is not None:
            return self._allowed(known, host, port) if checked else known
        key = host, port
        self._waiting.setdefault(key, []).append((done, checked))
        if len(self._waiting[key]) == 1:
            self._ask(host, port, now)
        return None

    def close(self) -> None:
        """Forgets what is under way; a hanging lookup is left to end by itself."""
        self._waiting.clear()
        for _ in range(self._threads):
            self._questions.put(None)

    def _ask(self, host: str, port: int, now: int) -> None:
        """Has it looked up, on as many threads as there are questions, up to a few. They are
        daemons: one that hangs in the system's resolver must not keep the process alive.
        """
        self._questions.put((host, port, now))
        if self._threads < min(_THREADS, len(self._waiting)):
            self._threads += 1
            Thread(target=self._answer_questions, name="resolve", daemon=True).start()

    def _answer_questions(self) -> None:
        while (question := self._questions.get()) is not None:
            self._look_up(*question)

    def _cached(self, host: str, port: int, now: int) -> Sequence[Address] | None:
        expires, found = self._cache.get((host, port), (0, ()))
        return found if now < expires else None

    def _look_up(self, host: str, port: int, now: int) -> None:
        """On a thread of its own."""
        try:
            answer: Sequence[Address] | WireError = self._lookup(host, port)
        except OSError as error:
            answer = WireError(
                Reason.NAME_NOT_RESOLVED,
                f"{host!r} can't be resolved: {error.strerror or error}",
                host=host,
            )
        self._post(lambda: self._answer(host, port, now, answer))

    def _answer(
        self, host: str, port: int, now: int, answer: Sequence[Address] | WireError
    ) -> None:
        if not isinstance(answer, WireError):
            if len(self._cache) >= _CACHE_LIMIT:
                self._cache.clear()
            self._cache[host, port] = now + self._cache_time, answer
        for done, checked in self._waiting.pop((host, port), ()):
            done(self._judge(answer, host, port) if checked else answer)

    def _judge(
        self, answer: Sequence[Address] | WireError, host: str, port: int
    ) -> Sequence[Address] | WireError:
        if isinstance(answer, WireError):
            return answer
        try:
            return self._allowed(answer, host, port)
        except WireError as error:
            return error

    def _allowed(self, found: Sequence[Address], host: str, port: int) -> Sequence[Address]:
        allowed, why = [], ""
        for address in found:
            denied = self._checks.check_address(address.ip, host, port)
            if denied is None:
                allowed.append(address)
            else:
                why = why or denied
        if why and not allowed:
            raise WireError(Reason.TARGET_DENIED, why, host=host, port=port)
        return allowed


def literal(host: str, port: int) -> Sequence[Address] | None:
    """Reads an address, in any spelling that the system takes for one; None: a name."""
    address = literal_address(host)
    if address is None or "%" in host:  # A scope has a number that the system knows.
        return None
    if address.version == 4:
        return [Address(socket.AF_INET, (str(address), port))]
    return [Address(socket.AF_INET6, (str(address), port, 0, 0))]

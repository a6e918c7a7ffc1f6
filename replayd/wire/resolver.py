"""Names to addresses that may be connected to; the lookup runs off the caller's thread.

Every address is checked by the rules before it is handed out, and exactly the checked
address is connected to: a name that resolves differently a moment later changes nothing
(DNS rebinding). Denied addresses of a name are left out; a name with no other is denied.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from replayd.errors import WireError
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
    except UnicodeError as error:
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
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="replayd-resolve")

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
            self._threads.submit(self._look_up, host, port, now)
        return None

    def close(self) -> None:
        """Forgets what is under way; a hanging lookup is left to end by itself."""
        self._waiting.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _cached(self, host: str, port: int, now: int) -> Sequence[Address] | None:
        expires, found = self._cache.get((host, port), (0, ()))
        return found if now < expires else None

    def _look_up(self, host: str, port: int, now: int) -> None:
        """On a thread of the pool."""
        try:
            answer: Sequence[Address] | WireError = self._lookup(host, port)
        except OSError as error:
            answer = WireError(
                Reason.NAME_NOT_RESOLVED,
                f"{host!r} can't be resolved: {error.strerror or error}; "
                "check the name, or send elsewhere with --connect-to",
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
    """Reads an address in its normal spelling; None: it is a name (or an odd spelling,
    which the system resolves and the rules then see as it really is).
    """
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if "%" in host:  # A scope: the system knows its number.
        return None
    if version == 4:
        return [Address(socket.AF_INET, (host, port))]
    return [Address(socket.AF_INET6, (host, port, 0, 0))]

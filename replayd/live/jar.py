"""The cookies of one scope: what the replayed server has set, and which recorded ones those
stand for.

A cookie is followed by its recorded value: whoever carried `sid=A` when it was captured
carries what the replayed server set where the recorded one had set `sid=A`. So many users
share a jar. Where the recorded answers never set a cookie of a name, it is a browser's jar:
what the replayed server sets is sent where it is for.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from replayd.live.set_cookie import Cookie, pair_of, parse_set_cookie
from replayd.model.outcome import LiveValue

MAX_COOKIES = 1000
"""Cookies, and recorded values, that a jar keeps; then the one that was set first goes."""

Pair = tuple[bytes, bytes]
"""A cookie's name and value."""


class Where(NamedTuple):
    """What of a request says which cookies it carries."""

    host: str
    """Lower-case."""
    path: bytes
    """Without a query."""
    secure: bool
    """It goes over TLS."""


class Done(Enum):
    """What became of a request's cookie."""

    REPLACED = "replaced by the server's"
    REMOVED = "removed: the server deleted it, or it has expired"
    ADDED = "added: the server set it"


class Jar:
    """Cookies of one scope."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, bytes, bytes], Cookie] = {}
        """By domain, path and name, in the order in which they were set."""
        self._live: dict[Pair, Cookie | None] = {}
        """What stands for a recorded name and value; None: it was deleted."""
        self._recorded: set[bytes] = set()
        """Names that recorded answers have set."""
        self.size = 0
        """About how many bytes it holds."""

    @property
    def empty(self) -> bool:
        """Whether it changes no request."""
        return not (self._cookies or self._live)

    def carried(
        self, pairs: Sequence[Pair], where: Where, now: float
    ) -> tuple[list[bytes | None], list[Pair], list[tuple[bytes, Done]]]:
        """Returns what a request that was captured with these cookies carries: the value of
        each (None: it goes), those that come after them, and what was done.
        """
        jar = self._for(where, now)
        done: list[tuple[bytes, Done]] = []
        values: list[bytes | None] = []
        for name, value in pairs:
            live = self._value_of(name, value, jar, now)
            if live is None:
                done.append((name, Done.REMOVED))
            elif live != value:
                done.append((name, Done.REPLACED))
            values.append(live)
        had = {name for name, _ in pairs}
        added = [
            (name, cookie.value)
            for name, cookie in jar.items()
            if name not in had and name not in self._recorded
        ]
        done += [(name, Done.ADDED) for name, _ in added]
        return values, added, done

    def learn(
        self,
        where: Where,
        pairs: Sequence[Pair],
        recorded: Iterable[bytes],
        answered: Iterable[bytes],
        now: float,
    ) -> list[LiveValue]:
        """Takes the Set-Cookie fields of a recorded answer and of the one that came now, to a
        request that was captured with these cookies; returns what stands for what.
        """
        carried = dict(pairs)
        before = dict(map(pair_of, recorded))
        after: dict[bytes, Cookie | None] = {}
        for field in answered:
            cookie = parse_set_cookie(field, where.host, where.path, now)
            if cookie is not None:
                after[cookie.name] = self._keep(cookie, now)
        for name in before:
            self._note_recorded(name)
        learnt = []
        for name in {**before, **after}:
            known = (carried.get(name, b""), before.get(name, b""))
            if name in after:
                live = after[name]
            elif (name, known[0]) in self._live:
                # Not set anew: what stood for the cookie that was carried stands for the new one.
                live = self._live[name, known[0]]
            else:
                learnt.append(LiveValue(_source(name), known[1]))
                continue
            for value in dict.fromkeys(known):
                if value:
                    self._stand(name, value, live)
            value = live.value if live else b""
            learnt.append(LiveValue(_source(name), known[1] or known[0], value))
        return learnt

    def _for(self, where: Where, now: float) -> dict[bytes, Cookie]:
        """Returns the cookies of a request by name: those of longer paths come first, then those
        set earlier (RFC 6265 section 5.4).
        """
        found = [
            cookie
            for cookie in self._cookies.values()
            if not cookie.has_expired(now)
            and cookie.is_for(where.host, where.path, secure=where.secure)
        ]
        found.sort(key=lambda cookie: -len(cookie.path))
        jar: dict[bytes, Cookie] = {}
        for cookie in found:
            jar.setdefault(cookie.name, cookie)
        return jar

    def _value_of(
        self, name: bytes, value: bytes, jar: dict[bytes, Cookie], now: float
    ) -> bytes | None:
        if (name, value) in self._live:
            # The capture shows that it is carried here.
            live = self._live[name, value]
            return None if live is None or live.has_expired(now) else live.value
        if name not in self._recorded and name in jar:
            return jar[name].value
        return value

    def _keep(self, cookie: Cookie, now: float) -> Cookie | None:
        """Puts a cookie into the jar; None: that deleted it."""
        key = (cookie.domain, cookie.path, cookie.name)
        old = self._cookies.get(key)
        if old is not None:
            self.size -= _size(old)
        if cookie.has_expired(now):
            self._cookies.pop(key, None)
            return None
        self._cookies[key] = cookie
        self.size += _size(cookie)
        if len(self._cookies) > MAX_COOKIES:
            self.size -= _size(self._cookies.pop(next(iter(self._cookies))))
        return cookie

    def _note_recorded(self, name: bytes) -> None:
        if name not in self._recorded and len(self._recorded) < MAX_COOKIES:
            self._recorded.add(name)
            self.size += len(name)

    def _stand(self, name: bytes, value: bytes, live: Cookie | None) -> None:
        if (name, value) in self._live:
            del self._live[name, value]
        else:
            self.size += len(name) + len(value)
        self._live[name, value] = live
        if len(self._live) > MAX_COOKIES:
            oldest = next(iter(self._live))
            del self._live[oldest]
            self.size -= len(oldest[0]) + len(oldest[1])


def _source(name: bytes) -> str:
    return f"cookie:{name.decode('latin-1')}"


def _size(cookie: Cookie) -> int:
    return len(cookie.name) + len(cookie.value) + len(cookie.path) + len(cookie.domain)

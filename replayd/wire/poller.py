"""Waits for many connections at once: one selector, and who is told.

A `Connection` is a transport in the selector with an owner. The owner changes (the replay
that dials or uses it, then the pool); the registration stays, so that using a kept
connection costs no system call, and one that its server closes is noticed wherever it is.
"""

import selectors
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from replayd.model.outcome import ConnectionInfo
from replayd.model.plan import Target
from replayd.wire.transport import Transport

if TYPE_CHECKING:
    from replayd.wire.limit import Permit

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE
_READ_WRITE = _READ | _WRITE

Ready = Sequence[tuple[selectors.SelectorKey, int]]
"""What a wait found."""


class Owner(Protocol):
    """Who is told about a connection."""

    def on_ready(self, connection: "Connection", readable: bool, writable: bool) -> None:
        """Something can be read or written now (or the connection broke: then both)."""


class Poller:
    """The selector. Not safe from other threads: they poke a descriptor watched here."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch_descriptor(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Calls back whenever a descriptor that is no connection can be read."""
        self._selector.register(descriptor, _READ, callback)

    def add(self, connection: "Connection", descriptor: int, write: bool) -> None:
        """Begins to watch a connection."""
        self._selector.register(descriptor, _READ_WRITE if write else _READ, connection)

    def change(self, connection: "Connection", descriptor: int, write: bool) -> None:
        """Also waits for writable, or no longer."""
        self._selector.modify(descriptor, _READ_WRITE if write else _READ, connection)

    def remove(self, descriptor: int) -> None:
        """Stops watching; before the descriptor is closed."""
        self._selector.unregister(descriptor)

    def wait(self, seconds: float | None) -> Ready:
        """Waits until something is ready (None: for ever); `tell` it next.

        Apart, so that the caller can look at the clock in between: whoever is late by then
        is late, however long it takes to tell the others.
        """
        return self._selector.select(seconds)

    def tell(self, ready: Ready) -> None:
        """Tells every owner concerned."""
        for (_, _, _, told), events in ready:
            if type(told) is not Connection:
                told()
            # One that was closed earlier in the same turn is passed over.
            elif not told.closed:
                told.owner.on_ready(told, events & _READ != 0, events & _WRITE != 0)

    def close(self) -> None:
        """Closes the selector, not what it watched."""
        self._selector.close()


class Connection:
    """A transport in the selector, with what the pool wants to know of it."""

    def __init__(self, transport: Transport, target: Target, owner: Owner, poller: Poller) -> None:
        self.transport = transport
        self.target = target
        self.owner = owner
        self.info = ConnectionInfo(transport.peer)
        """What events say of it; `reused` from the second exchange on."""
        self.bound = False
        """It is authenticated as somebody: never shared."""
        self.permit: Permit | None = None
        """Its place among those that a limit allows; None: there is no limit."""
        self.idle_since = 0
        self.expires = 0
        self.closed = False
        self._paused = False
        self._poller = poller
        self._descriptor = transport.fileno()
        self._writing = transport.wants_write
        poller.add(self, self._descriptor, self._writing)

    def want_write(self, wanted: bool) -> None:
        """Waits for writable while the owner, or the transport itself, has to write."""
        writing = wanted or self.transport.wants_write
        if writing is not self._writing:
            self._writing = writing
            if not self._paused:
                self._poller.change(self, self._descriptor, writing)

    def pause(self) -> None:
        """Watches it no longer: what the peer has to say waits, in its own memory in the end."""
        if not (self._paused or self.closed):
            self._paused = True
            self._poller.remove(self._descriptor)

    def resume(self) -> None:
        """Watches it again."""
        if self._paused and not self.closed:
            self._paused = False
            self._poller.add(self, self._descriptor, self._writing)

    def close(self) -> None:
        """Stops watching and closes. Idempotent."""
        if not self.closed:
            self.closed = True
            if not self._paused:
                self._poller.remove(self._descriptor)
            self.transport.close()
            if self.permit is not None:
                self.permit.end()

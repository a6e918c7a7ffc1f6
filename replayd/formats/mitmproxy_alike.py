"""Flows of a dump that are laid out as one before them: most of a capture's.

`mitmproxy` reads a flow and this module learns how it is laid out (`tnetstring_layout`); of
the next ones only those values are read that may differ. What is laid out in another way, is
of another version or type, or has anything odd, is not judged here: it is `mitmproxy`'s to
read. What the values say is in `mitmproxy_roles`.
"""

from typing import Any, NamedTuple

from replayd.formats.fields import FieldError
from replayd.formats.mitmproxy_roles import ITSELF, REQUEST, RESPONSE, Role, Roles
from replayd.formats.mitmproxy_versions import NEWEST
from replayd.formats.tnetstring import Record, TnetstringError
from replayd.formats.tnetstring_layout import Layout, Place
from replayd.model.flow import Flow, FlowKind, Request, Response

MAX_LAYOUTS = 16
MAX_LAYOUT_BYTES = 16 << 10
"""How many layouts are known, and the bytes of one."""

MAX_MISSES = 200
"""After so many flows, one after the other, that are laid out like none before them nobody
looks any more."""

_DICTIONARY = b"}"
_INNER = frozenset({b"request", b"response", b"client_conn", b"server_conn"})

_OFTEN = frozenset(
    [
        Place(name, key)
        for name in (b"request", b"response")
        for key in (b"headers", b"content", b"timestamp_start", b"timestamp_end")
    ]
    + [Place(b"request", b"path"), Place(b"client_conn", b"id"), Place(b"server_conn", b"id")]
    + [Place(b"", b"id"), Place(b"", b"timestamp_created")]
)
"""What is taken to differ from the first flow on."""


class _Known(NamedTuple):
    """A layout, and what its values are."""

    layout: Layout
    flow: Flow
    """The flow that it was learned from, for what is the same."""
    roles: list[Role]

    def read(self, record: Record) -> Flow | None:
        """Reads a flow; None: it is laid out in another way, or something of it is odd."""
        values = self.layout.match(record.payload)
        if values is None:
            return None
        try:
            return self._made_of(values)
        except (ValueError, FieldError, TnetstringError):
            return None

    def _made_of(self, values: list[bytes]) -> Flow:
        return _with(
            self.flow,
            [
                (half, field, decode(value))
                for (half, field, decode), value in zip(self.roles, values, strict=True)
            ],
        )

    def without_values(self) -> "_Known":
        """Returns it without what each flow has of its own, such as a long content."""
        return self._replace(
            flow=_with(self.flow, [(half, field, None) for half, field, _ in self.roles])
        )


def _with(like: Flow, values: list[tuple[int, int, Any]]) -> Flow:
    """Returns a flow with other values of its fields, and of its halves'."""
    request: list[Any] = [*(like.request or ())]
    response: list[Any] = [*(like.response or ())]
    flow: list[Any] = [*like, None]
    halves = {ITSELF: flow, REQUEST: request, RESPONSE: response}
    for half, field, value in values:
        halves[half][field] = value
    flow[REQUEST] = Request._make(request)
    flow[RESPONSE] = Response._make(response) if response else None
    return Flow._make(flow[:-1])


class AlikeFlows:
    """The layouts of one dump."""

    def __init__(self, skipped: frozenset[bytes]) -> None:
        """`skipped`: keys of what is not looked into."""
        self._roles = Roles(skipped)
        self._known: list[_Known] = []
        """The one that was found last is first."""
        self._varying = set(_OFTEN)
        self._misses = 0

    def read(self, record: Record) -> Flow | None:
        """Reads a flow that is laid out as one before; None: that is not for here."""
        if record.tag != _DICTIONARY:
            return None
        for position, known in enumerate(self._known):
            flow = known.read(record)
            if flow is not None:
                if position:
                    self._known.insert(0, self._known.pop(position))
                self._misses = 0
                return flow
        return None

    def learn(self, record: Record, flow: Flow, *, named_by_server: bool) -> None:
        """Learns how a flow is laid out that `read` did not read, and nothing was odd about.

        `named_by_server`: its server name is that of the server's connection, so that the
        client's says nothing.
        """
        if self._misses == MAX_MISSES or flow.kind is not FlowKind.HTTP or flow.request is None:
            return
        self._misses += 1
        if self._misses == MAX_MISSES:
            self._known.clear()
            return
        layout, outdated = self._layout(record, named_by_server), None
        for known in self._known:
            other = known.layout
            if other.slots == layout.slots and other.fixed.keys() == layout.fixed.keys():
                fixed = layout.fixed.items() - other.fixed.items()
                self._varying.update(place for place, _ in fixed)
                varied = self._layout(record, named_by_server)
                if varied.slots != layout.slots:
                    layout, outdated = varied, known
                break
        if self._keep(layout, record, flow, named_by_server) and outdated is not None:
            self._known.remove(outdated)
        del self._known[MAX_LAYOUTS:]

    def _keep(self, layout: Layout, record: Record, flow: Flow, named: bool) -> bool:
        """Keeps a layout, unless something about it is odd."""
        version = layout.fixed.get(Place(b"", b"version"))
        if version != b"%d#" % NEWEST or layout.repeats or layout.size > MAX_LAYOUT_BYTES:
            return False
        roles = [self._roles.of(place, tag, named) for place, tag in layout.slots]
        known = _Known(layout, flow, [role for role in roles if role is not None])
        if known.read(record) != flow:
            # A session without an id, say: it has its name from something else.
            return False
        self._known.insert(0, known.without_values())
        return True

    def _layout(self, record: Record, named: bool) -> Layout:
        def varies(place: Place, tag: int) -> bool:
            return place in self._varying and self._roles.of(place, tag, named) is not None

        return Layout(record.payload, _INNER, varies)

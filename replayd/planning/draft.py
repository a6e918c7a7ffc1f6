"""A request on its way from captured to planned: fields that change, changes named."""

from collections.abc import Callable, Set

from replayd.model.flow import Headers, Request
from replayd.model.plan import Change, ChangeKind
from replayd.planning.section import plain, section_of, written


class Draft:
    """What `plan` assembles the head from; begins with everything as captured."""

    __slots__ = ("captured", "changes", "fields", "lower_case", "names", "trailers", "version")

    def __init__(self, request: Request) -> None:
        self.captured = section_of(request.headers)
        self.version = request.http_version
        self.fields: Headers | list[tuple[bytes, bytes]] = request.headers
        self.names: Set[bytes] = self.captured.names
        """The plain names of all fields, also of some that are gone: what is not among them has
        no field. Most requests have few of those that planning asks for."""
        self.trailers = request.trailers
        self.changes: list[Change] = []
        self.lower_case = False
        """Whether names that are added are written as HTTP/2 writes them."""

    def written(self, request: Request) -> bytes:
        """Returns the fields as HTTP/1 has them."""
        as_captured = self.fields is request.headers
        return self.captured.written if as_captured else written(self.fields)

    def change(self, kind: ChangeKind, description: str) -> None:
        """Names a change."""
        self.changes.append(Change(kind, description))

    def add(self, name: bytes, value: bytes) -> None:
        """Adds a field at the end."""
        self.insert(len(self.fields), name.lower() if self.lower_case else name, value)

    def insert(self, position: int, name: bytes, value: bytes) -> None:
        """Adds a field in front of the one at `position`."""
        self.fields = [*self.fields[:position], (name, value), *self.fields[position:]]
        self.names = self.names | {plain(name)}

    def values(self, name: bytes) -> list[bytes]:
        """Returns the values of all fields of this (lower-case) name, in order."""
        if name not in self.names:
            return []
        return [value for other, value in self.fields if is_field(other, name)]

    def remove(self, name: bytes) -> None:
        """Removes all fields of this (lower-case) name."""
        if name in self.names:
            self.fields = [pair for pair in self.fields if not is_field(pair[0], name)]

    def drop(self, gone: Callable[[bytes, bytes], bool]) -> None:
        """Takes out the fields of which `gone(name, value)` is true, and names each."""
        for name, value in self.fields:
            if gone(name, value):
                self.change(ChangeKind.FIELD_REMOVED, f"{name.decode('latin-1')} removed")
        self.fields = [pair for pair in self.fields if not gone(*pair)]

    def drop_hosts(self) -> None:
        """Takes out Host fields where an authority stands for them (RFC 9113 section 8.3.1)."""
        for value in self.values(b"host"):
            said = f"Host: {value.decode('latin-1')} removed, :authority stands for it"
            self.change(ChangeKind.FIELD_REMOVED, said)
        self.remove(b"host")


def is_field(name: bytes, wanted: bytes) -> bool:
    """Tells whether a captured name means the field of this plain name."""
    return len(name) >= len(wanted) and plain(name) == wanted

"""A request on its way from captured to planned: fields that change, changes named."""

from collections.abc import Callable

from replayd.model.flow import Headers, Request
from replayd.model.plan import Change, ChangeKind


class Draft:
    """What `plan` assembles the head from."""

    __slots__ = ("changes", "fields", "lower_case", "names", "trailers", "version")

    def __init__(
        self,
        version: bytes,
        fields: list[tuple[bytes, bytes]],
        names: set[bytes],
        trailers: Headers,
    ) -> None:
        """`names`: the plain names of all fields, and maybe of others: what is not among them
        has no field. Most requests have few of those that planning asks for.
        """
        self.version = version
        self.fields = fields
        self.names = names
        self.trailers = trailers
        self.changes: list[Change] = []
        self.lower_case = False
        """Whether names that are added are written as HTTP/2 writes them."""

    @classmethod
    def of(cls, request: Request) -> "Draft":
        """Begins with everything as captured."""
        names = {plain(name) for name, _ in request.headers}
        return cls(request.http_version, list(request.headers), names, request.trailers)

    def change(self, kind: ChangeKind, description: str) -> None:
        """Names a change."""
        self.changes.append(Change(kind, description))

    def add(self, name: bytes, value: bytes) -> None:
        """Adds a field at the end."""
        self.insert(len(self.fields), name.lower() if self.lower_case else name, value)

    def insert(self, position: int, name: bytes, value: bytes) -> None:
        """Adds a field in front of the one at `position`."""
        self.fields.insert(position, (name, value))
        self.names.add(plain(name))

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


def plain(name: bytes) -> bytes:
    """Returns a captured name as a lenient server would see it: without regard to case, and
    to the space that must not stand around it.
    """
    return name.strip().lower()


def is_field(name: bytes, wanted: bytes) -> bool:
    """Tells whether a captured name means the field of this plain name."""
    return len(name) >= len(wanted) and plain(name) == wanted

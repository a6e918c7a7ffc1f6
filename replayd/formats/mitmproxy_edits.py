"""What steps between versions of mitmproxy's flow format are made of.

An edit changes one structure in place: the flow itself, or one of its parts. A step is a
pure function that copies a flow and the parts with edits, and lets these work on the
copies; what is not there, or is no dictionary, it leaves alone. Knows no version.
"""

from collections.abc import Callable

from replayd.formats.fields import Structure
from replayd.formats.tnetstring_parser import Value

Version = int | tuple[int, ...]
"""Up to 3.0 the first two numbers of mitmproxy's own version, then a number of its own."""

Step = Callable[[Structure], Structure]
"""From a state of one version to a state of the next."""

Edit = Callable[[Structure], None]
"""Changes a structure that nobody else has."""


def make_step(
    to: Version,
    *,
    flow: tuple[Edit, ...] = (),
    client: tuple[Edit, ...] = (),
    server: tuple[Edit, ...] = (),
    request: tuple[Edit, ...] = (),
    response: tuple[Edit, ...] = (),
    error: tuple[Edit, ...] = (),
) -> Step:
    """Makes the step to a version of edits: first of the parts, then of the flow."""
    named = {
        b"client_conn": client,
        b"server_conn": server,
        b"request": request,
        b"response": response,
        b"error": error,
    }
    parts = [(name, edits) for name, edits in named.items() if edits]

    def step(state: Structure) -> Structure:
        changed: Structure = {**state, b"version": to}
        for name, edits in parts:
            part = changed.get(name)
            if isinstance(part, dict):
                changed[name] = part = dict(part)
                for edit in edits:
                    edit(part)
        for edit in flow:
            edit(changed)
        return changed

    return step


def rename(**names: str) -> Edit:
    """Gives the fields that are named first new names."""
    pairs = [(old.encode(), new.encode()) for old, new in names.items()]

    def edit(structure: Structure) -> None:
        for old, new in pairs:
            if old in structure:
                structure[new] = structure.pop(old)

    return edit


def remove(*names: str) -> Edit:
    """Removes fields."""
    encoded = [name.encode() for name in names]

    def edit(structure: Structure) -> None:
        for name in encoded:
            structure.pop(name, None)

    return edit


def add(**values: Value) -> Edit:
    """Adds fields where they are not there yet."""
    pairs = [(name.encode(), value) for name, value in values.items()]

    def edit(structure: Structure) -> None:
        for name, value in pairs:
            structure.setdefault(name, value)

    return edit


def make_text(name: str) -> Edit:
    """Makes bytes text, whatever bytes they are."""
    encoded = name.encode()

    def edit(structure: Structure) -> None:
        value = structure.get(encoded)
        if isinstance(value, bytes):
            structure[encoded] = value.decode("utf-8", "backslashreplace")

    return edit

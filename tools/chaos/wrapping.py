"""Changing what the daemon's methods do, from outside of it, before it starts."""

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A method, or what a module has (with no owner)."""

    module: str
    owner: str
    name: str

    def find(self) -> tuple[Any, Any]:
        """Returns what holds it, and itself. Raises when the daemon has no such thing: its code
        has changed, and what relies on it has to follow.
        """
        holder: Any = importlib.import_module(self.module)
        if self.owner:
            holder = getattr(holder, self.owner)
        return holder, getattr(holder, self.name)


def replace(place: Place, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Puts what `make` makes of a method in its place."""
    holder, original = place.find()
    setattr(holder, place.name, functools.wraps(original)(make(original)))


def around(
    place: Place,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> None:
    """Has something called before a method, and after it, unless it raises."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            before()
            result = original(*arguments, **named)
            after()
            return result

        return call

    replace(place, make)

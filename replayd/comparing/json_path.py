"""JSON paths on the way down into a value, and as they are written."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from replayd.json_path import JsonPath, Key

_PLAIN = re.compile(r"[^\s.\[\]*'\"$]+")


def path_text(keys: Iterable[Key]) -> str:
    """Writes where something stands, as `parse_json_path` reads it."""
    parts = ["$"]
    for key in keys:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif _PLAIN.fullmatch(key):
            parts.append(f".{key}")
        else:
            quoted = key.replace("\\", "\\\\").replace("'", "\\'")
            parts.append(f"['{quoted}']")
    return "".join(parts)


class Search(NamedTuple):
    """How far paths match on the way down to a place."""

    left: tuple[JsonPath, ...]
    """What is left to match of each; one that is empty matches here."""

    @property
    def hit(self) -> bool:
        """Whether one of them leads exactly here."""
        return () in self.left

    def down(self, key: Key) -> "Search":
        """Takes a step."""
        if not self.left:
            return self
        found = []
        for path in self.left:
            if not path:
                continue
            step = path[0]
            if step.key is None or step.key == key:
                found.append(path[1:])
            if step.deep:
                found.append(path)
        return Search(tuple(dict.fromkeys(found)))

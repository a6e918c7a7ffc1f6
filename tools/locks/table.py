"""What each lock is made from."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

FOLDER = Path("tools/locks")

OLDEST_PYTHON = "3.11"


class Lock(NamedTuple):
    """What a lock is made from."""

    extras: Sequence[str] | None
    """Of the project, which is left out itself; None: it has no part in this environment."""
    groups: Sequence[str] = ()
    like: str = ""
    """Another lock, whose versions this one takes where both have a package."""
    python: str = OLDEST_PYTHON
    lowest: bool = False
    """Whether to take the lowest versions that pyproject.toml allows, to prove its floors."""

    def arguments(self, folder: Path) -> list[str]:
        """Returns what uv is asked for."""
        asked = [f"--python-version={self.python}"]
        if self.extras is not None:
            asked += ["pyproject.toml", *(f"--extra={each}" for each in self.extras)]
        asked += [f"--group={each}" for each in self.groups]
        if self.like:
            asked += ["--constraints", str(folder / f"{self.like}.txt")]
        return asked + (["--resolution=lowest-direct"] if self.lowest else [])

    def requirements(self, project: Mapping[str, Any]) -> list[str]:
        """Returns what pyproject.toml asks of it."""
        found: list[str] = []
        if self.extras is not None:
            found += project["project"]["dependencies"]
            found += _of_extras(project, self.extras)
        for group in self.groups:
            found += project["dependency-groups"][group]
        return found


def _of_extras(project: Mapping[str, Any], extras: Sequence[str]) -> Iterator[str]:
    """Yields what extras ask for, and those that they name: `flowreplay[test]`."""
    for extra in extras:
        for text in project["project"]["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if requirement.name == project["project"]["name"]:
                yield from _of_extras(project, sorted(requirement.extras))
            else:
                yield text


LOCKS = {
    "dev": Lock(["dev"], ["build"]),
    "plots": Lock(["plots"], like="dev"),
    "fuzz": Lock([], ["build", "fuzz"], like="dev"),
    "lowest": Lock(["test"], ["build"], lowest=True),
    "proto": Lock(None, ["proto"]),
    "servers": Lock(None, ["servers"], python="3.12"),
    "audit": Lock(None, ["audit"]),
}

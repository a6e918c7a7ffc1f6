"""What is wrong with a lock: told without a network."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.locks.table import FOLDER, LOCKS


class Pin(NamedTuple):
    """One package of a lock."""

    name: str
    version: Version
    hash_count: int


def read_pins(text: str) -> list[Pin]:
    """Reads a lock. Raises ValueError for a line that pins nothing."""
    pins: list[Pin] = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        what, *hashes = line.split("--hash=sha256:")
        requirement = Requirement(what)
        pinned = [each for each in requirement.specifier if each.operator == "=="]
        if len(pinned) != 1 or requirement.url:
            raise ValueError(f"{what.strip()} is not one version of a package")
        name = canonicalize_name(requirement.name)
        pins.append(Pin(name, Version(pinned[0].version), len(hashes)))
    return pins


def problems(
    name: str, pins: Sequence[Pin], project: Mapping[str, Any], advisories: Sequence[dict[str, str]]
) -> Iterator[str]:
    """Says what is wrong with a lock."""
    versions: dict[str, list[Version]] = {}
    for pin in pins:
        versions.setdefault(pin.name, []).append(pin.version)
        if not pin.hash_count:
            yield f"{name}: {pin.name} has no hash"
    for text in LOCKS[name].requirements(project):
        requirement = Requirement(text)
        found = versions.get(canonicalize_name(requirement.name), [])
        if not any(requirement.specifier.contains(each, prereleases=True) for each in found):
            yield f"{name}: {text} is asked for, and {_listed(found)} locked"
    for advisory in advisories:
        affected = SpecifierSet(advisory["affected"])
        for version in versions.get(canonicalize_name(advisory["package"]), []):
            if affected.contains(version, prereleases=True):
                yield (
                    f"{name}: {advisory['package']} {version} is locked and "
                    f"{advisory['what']} ({advisory['id']})"
                )


def _listed(versions: Sequence[Version]) -> str:
    return f"{', '.join(map(str, versions))} is" if versions else "nothing of it is"


def check(root: Path) -> list[str]:
    """Returns what is wrong with the locks of a project, and which are missing."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    advisories = tomllib.loads((root / FOLDER / "advisories.toml").read_text())["advisory"]
    found: list[str] = []
    for name in LOCKS:
        path = root / FOLDER / f"{name}.txt"
        if not path.exists():
            found.append(f"{name}: {FOLDER / path.name} is missing")
            continue
        found += problems(name, read_pins(path.read_text()), project, advisories)
    return found

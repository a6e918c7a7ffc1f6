"""Damage follows from its seed, and is never no damage."""

from pathlib import Path

from tests.tools.corrupt.copies import copied
from tools.corrupt.damage import damage
from tools.corrupt.reference import Reference


def contents(folder: Path) -> dict[str, bytes]:
    """What each file holds; those of large contents have random names."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_seed_damages_one_file_always_in_the_same_way(
    whole: list[Reference], tmp_path: Path
) -> None:
    before = contents(whole[0].folder)
    ways = set()
    for seed in range(12):
        said = damage(copied(whole[0], tmp_path), seed)
        damaged = contents(tmp_path / "case")
        assert damage(copied(whole[0], tmp_path), seed) == said
        assert contents(tmp_path / "case") == damaged
        changed = {name for name in before if damaged.get(name) != before[name]}
        assert len(changed) <= 1  # a page may be swapped with itself
        ways.add(said.split()[1])
    assert len(ways) > 2

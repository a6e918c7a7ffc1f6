"""Ways to damage the files of a journal."""

import random
from pathlib import Path

_PAGE = 8192


def damage(folder: Path, seed: int) -> str:
    """Damages one file; the same seed does the same to the same journal. Says what it did."""
    chance = random.Random(seed)  # noqa: S311
    files = sorted(path for path in folder.iterdir() if path.name.startswith("journal.db"))
    # Their names are random.
    blobs = sorted((folder / "blobs").iterdir(), key=Path.read_bytes)
    # The database is most of what there is; each kind of file gets its turn.
    path = chance.choice([*files, files[0], *chance.sample(blobs, 1)])
    way = chance.choice([_flip, _flip, _flip_many, _zero, _zero_some, _cut, _swap, _remove])
    return f"{path.name}: {way(path, chance)}"


def _flip(path: Path, chance: random.Random, count: int = 1) -> str:
    data = bytearray(path.read_bytes())
    places = [chance.randrange(len(data)) for _ in range(count)]
    for at in places:
        data[at] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return f"{count} bits flipped, the first in byte {places[0]}"


def _flip_many(path: Path, chance: random.Random) -> str:
    return _flip(path, chance, chance.randrange(2, 64))


def _zero(path: Path, chance: random.Random) -> str:
    data = bytearray(path.read_bytes())
    page = chance.randrange(max(len(data) // _PAGE, 1))
    data[page * _PAGE : (page + 1) * _PAGE] = bytes(len(data[page * _PAGE : (page + 1) * _PAGE]))
    path.write_bytes(data)
    return f"page {page} zeroed"


def _zero_some(path: Path, chance: random.Random) -> str:
    data = bytearray(path.read_bytes())
    begin = chance.randrange(len(data))
    end = min(begin + chance.randrange(1, 4096), len(data))
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    return f"bytes {begin} to {end} zeroed"


def _cut(path: Path, chance: random.Random) -> str:
    size = chance.randrange(path.stat().st_size)
    path.write_bytes(path.read_bytes()[:size])
    return f"cut at byte {size}"


def _swap(path: Path, chance: random.Random) -> str:
    data = bytearray(path.read_bytes())
    pages = range(max(len(data) // _PAGE, 1))
    one, two = chance.choice(pages), chance.choice(pages)
    spans = [slice(page * _PAGE, (page + 1) * _PAGE) for page in (one, two)]
    data[spans[0]], data[spans[1]] = data[spans[1]], data[spans[0]]
    path.write_bytes(data)
    return f"pages {one} and {two} swapped"


def _remove(path: Path, _: random.Random) -> str:
    path.unlink()
    return "removed"

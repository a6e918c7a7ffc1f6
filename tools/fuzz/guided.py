"""The engine `atheris`: libFuzzer keeps inputs that reach new code, and changes those.

    python -m tools.fuzz.guided FORMAT COUNT SEED FOLDER

Begins with the seeds of a format and changes inputs as libFuzzer does, and as that format's
recipe changes bytes. It stops at the first finding, as libFuzzer does. How a capture is
enqueued is told by its own bytes, so that libFuzzer's corpus is all there is to keep. Needs
atheris, whose wheels are for some versions of Python only.
"""

import sys
from pathlib import Path
from random import Random
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["replayd"]):
    from tools.fuzz.case import Case, random_way
    from tools.fuzz.finding import Finding, try_case
    from tools.fuzz.limits import Peak
    from tools.fuzz.octets import MAX_SIZE, Octets
    from tools.fuzz.recipes import RECIPES

_RSS_LIMIT_MIB = 2048


def main() -> None:
    """Runs libFuzzer, which ends the process."""
    name, count, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    corpus = folder / f"corpus-{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for at, data in enumerate(RECIPES[name].seeds()):
        (corpus / f"seed-{at}").write_bytes(data)
    atheris.Setup(
        [
            "fuzz",
            f"-runs={count}",
            f"-seed={seed or 1}",
            f"-max_len={MAX_SIZE}",
            f"-rss_limit_mb={_RSS_LIMIT_MIB}",
            "-print_final_stats=1",
            str(corpus),
        ],
        _Target(name, folder).one,
        custom_mutator=_Mutator(name).change,
    )
    atheris.Fuzz()


class _Target:
    """What libFuzzer calls with each input."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._peak = Peak()

    def one(self, data: bytes) -> None:
        """Enqueues an input; ends the process at a finding."""
        way = random_way(self._name, Random(crc32(data)))  # noqa: S311
        came = try_case(Case(self._name, data, way), self._peak)
        if isinstance(came, Finding):
            print(f"{came.what}\n{came.command(came.save(self._folder))}", flush=True)
            raise RuntimeError(came.what)


class _Mutator:
    """Changes an input: libFuzzer's way, or ours."""

    def __init__(self, name: str) -> None:
        self._recipe = RECIPES[name]
        self._octets = Octets(getattr(self._recipe, "words", ()))

    def change(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Returns another input."""
        rng = Random(seed)  # noqa: S311
        chosen = rng.random()
        if chosen < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        if chosen < 0.6:
            return self._recipe.make(rng)[:max_size]
        return self._octets.changed(data, rng)[:max_size]


if __name__ == "__main__":
    main()

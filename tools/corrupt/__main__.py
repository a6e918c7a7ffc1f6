"""The command: `python -m tools.corrupt --count 2000 --seed 7`."""

import argparse
import json
import logging
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType, SimpleNamespace

from replayd.journal import body
from replayd.journal.sqlite import checksum, identity
from tools.corrupt.damage import damage
from tools.corrupt.judge import Verdict, judge
from tools.corrupt.reference import Reference, references

HANG = 60
"""Seconds after which a case hangs."""


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="tools.corrupt", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many journals to damage")
    parser.add_argument("--seed", type=int, default=0, help="of the first one; each has the next")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--without-checksums", action="store_true", help="see that wrong payloads are noticed"
    )
    options = parser.parse_args()
    logging.disable()
    # A damaged copy stands for the journal itself.
    setattr(identity, "home_of", lambda _: "here")  # noqa: B010 - as a test would
    if options.without_checksums:
        for module in (checksum, body):
            setattr(module, "crc32", lambda *_: 0)  # noqa: B010 - as a test would
        setattr(checksum, "zlib", SimpleNamespace(crc32=lambda *_: 0))  # noqa: B010 - the same
    with tempfile.TemporaryDirectory(prefix="replayd-corrupt-") as scratch:
        figures, wrong = run(Path(scratch), options.seed, options.count)
    figures["seed"] = options.seed
    print(json.dumps(figures) if options.json else _text(figures))
    for each in wrong:
        print(each, file=sys.stderr)
    sys.exit(bool(wrong))


def run(scratch: Path, seed: int, count: int) -> tuple[dict[str, int], list[str]]:
    """Damages and judges; returns how many ended how, and what must never be."""
    figures: Counter[str] = Counter(cases=0, wrong=0)
    wrong: list[str] = []
    whole = references(scratch)
    signal.signal(signal.SIGALRM, _hangs)
    for number in range(seed, seed + count):
        reference = whole[number % len(whole)]
        what, verdict = _case(reference, scratch / "case", number)
        figures["cases"] += 1
        figures["wrong"] += bool(verdict.wrong)
        for end in {*verdict.ends} or {"harmless"}:
            figures[end] += 1
        name = reference.folder.name
        wrong += [f"seed {number} ({name}, {what}): {each}" for each in verdict.wrong]
    return dict(figures), wrong


def _case(reference: Reference, folder: Path, seed: int) -> tuple[str, Verdict]:
    shutil.copytree(reference.folder, folder, symlinks=True)
    what = damage(folder, seed)
    verdict = Verdict()
    signal.alarm(HANG)
    began = time.monotonic()
    try:
        verdict = judge(reference, folder)
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        verdict.wrong.append(traceback.format_exc())
    finally:
        signal.alarm(0)
        shutil.rmtree(folder)
    if time.monotonic() - began > HANG:
        verdict.wrong.append("it took too long")
    return what, verdict


def _hangs(_: int, __: FrameType | None) -> None:
    raise TimeoutError(f"it hangs: nothing for {HANG} s")


def _text(figures: dict[str, int]) -> str:
    return "\n".join(f"{count:6} {name}" for name, count in figures.items())


if __name__ == "__main__":
    main()

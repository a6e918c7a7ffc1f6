"""What must not happen: seen, told from others, saved, and repeated by one command."""

import hashlib
import traceback
from dataclasses import dataclass
from pathlib import Path

from tools.fuzz.case import Input
from tools.fuzz.limits import SECONDS, Peak, TooSlowError, limited_time

_SOURCE = "/replayd/"


@dataclass(frozen=True, slots=True)
class Finding:
    """A case, and what came of it."""

    case: Input
    what: str
    """The exception's type, the line of replayd that raised it, and its message."""

    @property
    def kind(self) -> str:
        """What findings of one cause have in common."""
        return f"{self.case.name}: {self.what.partition(': ')[0]}"

    def save(self, folder: Path) -> Path:
        """Writes the input to a file of the folder, which is made; returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(self.case.data).hexdigest()[:10]
        path = folder / f"{self.case.name}-{digest}"
        path.write_bytes(self.case.data)
        return path

    def command(self, path: Path) -> str:
        """Returns the command that tries the saved input in the same way."""
        options = [f"--format {self.case.name}", *self.case.options()]
        return f"python -m tools.fuzz --replay {path} {' '.join(options)}"


def try_case(case: Input, peak: Peak) -> Finding | str:
    """Tries an input within the limits; returns what it came to, in a word, or a finding."""
    try:
        with limited_time(SECONDS):
            came = case.run()
        peak.check()
    except (Exception, TooSlowError) as error:  # noqa: BLE001 - that is what is looked for
        return Finding(case, describe(error))
    return came


def describe(error: BaseException) -> str:
    """Says what was raised, where in replayd, and why."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _SOURCE in f.filename]
    where = ""
    if frames and not isinstance(error, TooSlowError):
        last = frames[-1]
        where = f" in {last.filename.rpartition(_SOURCE)[2]}:{last.lineno}"
    return f"{type(error).__name__}{where}: {str(error)[:200]}"

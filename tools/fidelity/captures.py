"""Which files are captures, of what kind they are, and the flows in each."""

import io
import re
from pathlib import Path

from replayd.errors import ReplaydError
from replayd.formats import read_capture
from replayd.model.flow import CaptureNote, DamagedFlow, Flow

_DUMP = re.compile(rb"\d{1,12}:")
_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*\{")

MITMPROXY, HAR = "mitmproxy", "HAR"
OTHERS = {".gor": "GoReplay", ".xml": "Burp", ".saz": "Fiddler"}


def find(place: Path) -> list[Path]:
    """The captures in a folder and those below it, in order; or the one file.

    Everything that is not hidden, not Markdown, and not the JSON beside a capture that
    says what others made of it.
    """
    if place.is_file():
        return [place]
    files = [path for path in sorted(place.rglob("*")) if path.is_file()]
    stems = {path.with_suffix("") for path in files if path.suffix != ".json"}
    captures = {path for path in files if path.suffix != ".json"}
    return [
        path
        for path in files
        if not path.name.startswith(".")
        and path.suffix != ".md"
        and (path in captures or path.with_suffix("") not in stems | captures)
    ]


def kind_of(path: Path, data: bytes) -> str:
    """The kind of a capture: for dumps and HARs by its first bytes, else by its name."""
    if _DUMP.match(data) or path.suffix == ".mitm":
        return MITMPROXY
    if _JSON.match(data) or path.suffix == ".zhar":
        return HAR
    suffixes = path.suffixes[:-1] if path.suffix == ".gz" else path.suffixes
    return OTHERS.get("".join(suffixes[-1:]), "other")


def flows_of(data: bytes) -> list[Flow | DamagedFlow]:
    """The flows of a capture by their indexes; none when it can't be read."""
    try:
        found = list(read_capture(io.BytesIO(data), format=None))
    except ReplaydError:
        return []  # the daemon's own answer says why
    return [each for each in found if not isinstance(each, CaptureNote)]

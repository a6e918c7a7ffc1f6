"""Journals to damage, and copies of them that count as the journal itself."""

import shutil
from pathlib import Path

from tools.corrupt.reference import Reference


def copied(reference: Reference, scratch: Path) -> Path:
    """Copies a journal over the last copy."""
    folder = scratch / "case"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(reference.folder, folder, symlinks=True)
    return folder

"""What came of a series, in words."""

from collections.abc import Iterator
from pathlib import Path

from tools.fuzz.series import Result

HEADING = f"{'format':<10} {'inputs':>10} {'inputs/s':>9} {'findings':>9} {'peak':>8}  outcomes"


def line(name: str, result: Result) -> str:
    """Returns a format's figures; inputs a second of one process's processor time."""
    rate = result.inputs / result.seconds if result.seconds else 0
    shown = ", ".join(f"{count} {outcome}" for outcome, count in result.outcomes.most_common())
    return (
        f"{name:<10} {result.inputs:>10} {rate:>9.0f} {result.found + len(result.lost):>9} "
        f"{result.peak >> 20:>4} MiB  {shown}"
    )


def findings(result: Result, folder: Path) -> Iterator[str]:
    """Saves the findings; yields what they are, each with the command that repeats it."""
    for kind, found in sorted(result.findings.items()):
        yield f"{result.counts[kind]} x {kind}"
        for finding in found:
            yield f"  {finding.what}"
            yield f"  {finding.command(finding.save(folder))}"
    yield from result.lost

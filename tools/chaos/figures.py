"""What a run came to, as a line of JSON; lines of several runs add up.

python -m tools.chaos.figures RESULTS
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

_BETWEEN = "; "
"""Stands between what differs from run to run."""


@dataclass
class Figures:
    """Of one run, or of several added up."""

    date: str = ""
    """When it ended; of several the last."""
    commit: str = ""
    seeds: list[int] = field(default_factory=list)
    options: str = ""
    rounds: int = 0
    kills: int = 0
    """Of the daemon, by kill -9; at a failpoint too."""
    terminations: int = 0
    client_kills: int = 0
    target_kills: int = 0
    stops: int = 0
    audits: int = 0
    calls: int = 0
    acknowledged: int = 0
    """Flows that clients were told were accepted."""
    duplicates: int = 0
    broken_calls: int = 0
    accepted: int = 0
    succeeded: int = 0
    failed: int = 0
    killed: int = 0
    cleared: int = 0
    interrupted: int = 0
    events: int = 0
    shown: int = 0
    """Events that watchers were shown."""
    arrivals: int = 0
    repeats: int = 0
    """Arrivals of what had arrived before; each is marked, or it is among `findings`."""
    copies: int = 0
    """Replays that send others again: by a Resolve or a Retry."""
    runs: int = 0
    """Replays of a batch's runs after the first."""
    cancelled: int = 0
    """Replays that clients were told they cancelled."""
    decided: int = 0
    """What hooks have decided."""
    hook_kills: int = 0
    steps: int = 0
    """Replays that clients were told were taken by steps."""
    requeued: int = 0
    most_requeued: int = 0
    """By one crash."""
    recoveries: list[float] = field(default_factory=list)
    """Seconds from each start after a kill to the first answered call."""
    seconds: float = 0.0
    failpoints: Counter[str] = field(default_factory=Counter)
    """How often the daemon died at each."""
    findings: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Figures") -> None:
        """Adds another run."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if each.name == "date":
                together = max(mine, theirs)
            elif isinstance(mine, str):
                together = mine if theirs in mine.split(_BETWEEN) else mine + _BETWEEN + theirs
                together = together.removeprefix(_BETWEEN)
            elif each.name == "most_requeued":
                together = max(mine, theirs)
            else:
                together = mine + theirs
            setattr(self, each.name, together)

    def as_json(self) -> str:
        """Returns one line."""
        return json.dumps({**vars(self), "recoveries": [round(s, 3) for s in self.recoveries]})

    def table(self) -> str:
        """Returns all of it for people, a figure a line."""
        said = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name not in ("failpoints", "findings", "options", "recoveries", "seeds")
        }
        said["seeds"] = f"{len(self.seeds)}: {', '.join(map(str, self.seeds[:8]))}"
        said["seconds"] = f"{self.seconds:.0f}"
        ordered = sorted(self.recoveries)
        if ordered:
            half, most = ordered[len(ordered) // 2], ordered[-1]
            said["recovery"] = f"half within {half:.2f} s, all within {most:.2f} s"
        said["failpoints"] = f"{len(self.failpoints)}, died {self.failpoints.total()} times"
        said["findings"] = dict(self.findings) or "none"
        return "\n".join(f"{name.replace('_', ' '):14} {value}" for name, value in said.items())


def from_json(line: str) -> Figures:
    """Reads a line. Raises ValueError or TypeError for one that is not of a run."""
    read = json.loads(line)
    counted = {name: Counter(read[name]) for name in ("failpoints", "findings")}
    return Figures(**{**read, **counted})


def total(lines: Iterable[str]) -> Figures:
    """Adds up all lines."""
    whole = Figures()
    for line in lines:
        whole.add(from_json(line))
    return whole


def main() -> None:
    """Prints what the runs of a file came to; fails when something was found."""
    whole = total(Path(sys.argv[1]).read_text().splitlines())
    print(whole.table())
    sys.exit(bool(whole.findings))


if __name__ == "__main__":
    main()

"""What must not happen: broken promises by kind, each with words for people."""

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 5
"""Findings of a kind that keep their words; all are counted."""

KINDS = {
    "lost": "what was accepted is not in the log, or only in part",
    "outcomes": "a replay has no outcome, or more than one",
    "unmarked": "a request reached the target more often than its marks say",
    "post twice": "a request that is not idempotent reached the target twice",
    "cleared sent": "a cleared or finished replay was sent",
    "answers": "an event tells another answer, or another request, than the target's",
    "gaps": "the log has a gap, or begins again",
    "rewritten": "the log has changed since it was read or shown",
    "watchers": "a watcher missed an event, or saw one twice, or one that is not in the log",
    "order": "replays of a session, or at concurrency 1 of all, overtook each other",
    "counts": "counts do not balance",
    "attempts": "attempts are miscounted, or follow another rule than their `on_interrupt`",
    "copies": "what is sent once more is not what was asked for, or does not name what it repeats",
    "requests": "one request_id, or one call, made two batches, or other answers",
    "pauses": "a pause was forgotten, or did not hold",
    "steering": "a batch was sent while it was paused, or its pause or place was forgotten",
    "hooks": "a replay did not become what its hook, or the hook's policy, has decided",
    "live values": "a request was sent with another value than the one that was answered",
    "daemon": "the daemon failed inside, did not start, or did not end as it should",
}
"""Every kind of finding, and what it means."""


@dataclass
class Findings:
    """All that was found."""

    counts: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)

    def add(self, kind: str, words: str) -> None:
        """Adds one of a kind of `KINDS`."""
        if kind not in KINDS:
            raise ValueError(f"there is no kind {kind!r} of findings")
        self.counts[kind] += 1
        if self.counts[kind] <= SHOWN:
            self.words.append(f"{kind}: {words}")

"""Two sequences side by side: which elements came, went or changed."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

MOST = 1000
"""Elements, without those that both begin and end with, that are looked at for what came and
went; of more, all are taken to have changed."""

MOST_ALIKE = 16
"""Equal pairs for each element: with more, aligning would take its time."""


class Changed(NamedTuple):
    """Elements `first` to `last` of the old sequence are `begin` to `end` of the new one; the
    ends are not included.
    """

    first: int
    last: int
    begin: int
    end: int


def changed(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[Changed]:
    """Yields where two sequences differ, in order."""
    first, most = 0, min(len(old), len(new))
    while first < most and old[first] == new[first]:
        first += 1
    behind = 0
    while behind < most - first and old[-1 - behind] == new[-1 - behind]:
        behind += 1
    last, end = len(old) - behind, len(new) - behind
    if first == last == end:
        return
    before, after = old[first:last], new[first:end]
    if not before or not after or not _worth_it(before, after):
        yield Changed(first, last, first, end)
        return
    for tag, *places in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Changed(*(first + place for place in places))


def _worth_it(old: Sequence[Hashable], new: Sequence[Hashable]) -> bool:
    longer = max(len(old), len(new))
    if longer > MOST:
        return False
    counts = Counter(new)
    return sum(counts[element] for element in old) <= MOST_ALIKE * longer

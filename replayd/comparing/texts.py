"""Text by line: which lines came, went or changed."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from replayd.comparing.alignment import Changed, changed
from replayd.comparing.rules import Rules
from replayd.comparing.volatile import masked
from replayd.model.comparison import Difference, DifferenceKind, Shown

_CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_TAGS = re.compile(r"(?<=>)(?=<)")
_LONG = 500
"""Characters of a line from which markup in it is parted."""

Hide = Callable[[str], str | None]
"""Makes of a text what may be shown of it; None: nothing."""


class TextsCompared(NamedTuple):
    """What became of it."""

    differences: list[Difference]
    ignored: int


def text_of(content: bytes, content_type: bytes) -> str | None:
    """Decodes a content; None: it is no text."""
    if b"\0" in content[:4096]:
        return None
    charset = _CHARSET.search(content_type)
    if charset is not None:
        try:
            return content.decode(charset[1].decode("ascii"))
        except (UnicodeDecodeError, LookupError, ValueError):
            pass
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        is_text = content_type.strip().lower().startswith(b"text/")
        return content.decode("latin-1") if is_text else None


def compare_texts(recorded: str, replayed: str, rules: Rules, hide: Hide) -> TextsCompared:
    """Compares two texts, a difference for each run of lines that changed."""
    old, new = _lines(recorded), _lines(replayed)
    found, ignored = [], 0
    old_masks = _masked(old, rules)
    new_masks = _masked(new, rules)
    shown: tuple[list[str], list[str]] | None = None
    for where in changed(old_masks, new_masks):
        if _is_noise(where, rules):
            ignored += 1
            continue
        if shown is None:
            shown = _shown(recorded, old, hide), _shown(replayed, new, hide)
        found.append(_difference(where, old, new, shown))
    if old != new and not found:
        ignored = max(ignored, 1)
    return TextsCompared(found, ignored)


def _masked(lines: Sequence[str], rules: Rules) -> list[str]:
    return [masked(line, rules.texts, volatile=rules.volatile) for line in lines]


def _is_noise(where: Changed, rules: Rules) -> bool:
    """Whether all new lines are such; lines that only went have none."""
    new = range(where.begin + 1, where.end + 1)
    return bool(new) and rules.lines.issuperset(new)


def _lines(text: str) -> list[str]:
    """Parts a text into lines; markup that stands in one long line where its tags meet."""
    lines = text.split("\n")
    if all(len(line) < _LONG for line in lines):
        return lines
    return [part for line in lines for part in (_TAGS.split(line) if "><" in line else (line,))]


def _shown(text: str, lines: list[str], hide: Hide) -> list[str]:
    """The lines as they may be shown. Secrets are found by what stands around them, so all of
    the text is looked through.
    """
    shown = hide(text)
    if shown is None:
        return ["" for _ in lines]
    if shown == text:
        return lines
    parted = _lines(shown)
    if len(parted) == len(lines):
        return parted
    # A secret of several lines. Which line became which is not told: those are shown that the
    # text that may be shown has as well, others may be a part of it.
    seen = {*shown.split("\n"), *_TAGS.split(shown), *parted}
    return [line if (line := hide(whole) or "") in seen else "" for whole in lines]


def _difference(
    where: Changed, old: list[str], new: list[str], shown: tuple[list[str], list[str]]
) -> Difference:
    first, last, begin, end = where
    return Difference(
        DifferenceKind.TEXT,
        _place(first, last),
        _joined(old[first:last], shown[0][first:last]),
        _joined(new[begin:end], shown[1][begin:end]),
        tuple(f"line:{number}" for number in range(begin + 1, end + 1)) or ("body",),
    )


def _place(first: int, last: int) -> str:
    """Says which lines of the recorded text, counted from 1; those that came stand after one."""
    if last == first:
        return f"after line {first}"
    return f"line {last}" if last == first + 1 else f"lines {first + 1}-{last}"


def _joined(lines: Sequence[str], shown: Sequence[str]) -> Shown | None:
    if not lines:
        return None
    return Shown(_encoded("\n".join(lines)), _encoded("\n".join(shown)))


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")

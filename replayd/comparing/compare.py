"""Two responses, compared: status, fields, content."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from replayd.comparing.contents import LOOKED_INTO, Gathered, gather
from replayd.comparing.fields import compare_fields
from replayd.comparing.json_path import path_text
from replayd.comparing.json_values import (
    JsonCompared,
    JsonDifference,
    NoJsonError,
    read_json,
    render,
)
from replayd.comparing.rules import Rules
from replayd.comparing.texts import Hide, compare_texts, text_of
from replayd.model.comparison import Comparison, Difference, DifferenceKind, Shown, Verdict
from replayd.model.flow import Headers, Response
from replayd.redaction.redactor import Redactor

MOST_VALUE = 1024
"""Bytes of a value that are told; of a longer one, those around where it differs."""

MOST_PATH = 500
"""Characters of a path that are told."""

MOST_COUNTED = 10_000
"""Differences that are counted within one content."""


class Answer(NamedTuple):
    """A response, and its content in pieces."""

    head: Response
    """Its own content is not looked at."""
    content: Iterable[bytes] | None
    """None: the capture left it out."""


class _Found:
    """What was found so far."""

    def __init__(self, limit: int) -> None:
        self.kept: list[Difference] = []
        self.count = 0
        self.ignored = 0
        self.note = ""
        self._limit = limit

    def add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self.count += 1
            if len(self.kept) < self._limit:
                self.kept.append(_told(difference))


def compare(
    recorded: Answer, replayed: Answer, rules: Rules, redactor: Redactor, *, limit: int
) -> Comparison:
    """Compares them, and tells at most `limit` differences one by one.

    It takes some hundred milliseconds at most, but for what users' own patterns take.
    """
    found = _Found(limit)
    old, new = recorded.head, replayed.head
    if old.status_code != new.status_code:
        if rules.status:
            found.ignored += 1
        else:
            found.add((_status(old, new),))
    for kind, before, now in (
        (DifferenceKind.HEADER, old.headers, new.headers),
        (DifferenceKind.TRAILER, old.trailers, new.trailers),
    ):
        fields = compare_fields(before, now, rules, kind, redactor.field)
        found.add(fields.differences)
        found.ignored += fields.ignored
    _contents(recorded, replayed, rules, redactor, found)
    return Comparison(
        Verdict.DIFFERENT if found.count else Verdict.EQUAL,
        tuple(found.kept),
        found.count,
        found.ignored,
        found.note,
    )


def _status(old: Response, new: Response) -> Difference:
    recorded, replayed = b"%d" % old.status_code, b"%d" % new.status_code
    return Difference(
        DifferenceKind.STATUS,
        "",
        Shown(recorded, recorded),
        Shown(replayed, replayed),
        ("status",),
    )


def _contents(
    recorded: Answer, replayed: Answer, rules: Rules, redactor: Redactor, found: _Found
) -> None:
    if recorded.content is None or replayed.content is None:
        found.note = "the capture left the recorded content out: it was not compared"
        return
    old = gather(recorded.content, recorded.head.headers)
    new = gather(replayed.content, replayed.head.headers)
    if old.digest == new.digest:
        return
    if rules.body:
        found.ignored += 1
        return
    found.note = "; ".join(
        f"the {whose} content was compared as it is: {note}"
        for whose, note in (("recorded", old.note), ("replayed", new.note))
        if note
    )
    if old.content is None or new.content is None:
        found.note = found.note or f"above {LOOKED_INTO} bytes contents are not looked into"
        found.add((_whole(old, new),))
        return
    try:
        _json(old.content, new.content, rules, redactor, found)
        return
    except NoJsonError:
        pass
    except RecursionError:
        found.note = "the JSON is nested too deeply: its text was compared"
    old_text, new_text = (
        text_of(content, _content_type(answer.head.headers))
        for content, answer in ((old.content, recorded), (new.content, replayed))
    )
    if old_text is None or new_text is None:
        found.add((_whole(old, new),))
        return
    texts = compare_texts(old_text, new_text, rules, _hide(redactor, replayed.head.headers))
    found.add(texts.differences)
    found.ignored += texts.ignored


def _json(old: bytes, new: bytes, rules: Rules, redactor: Redactor, found: _Found) -> None:
    recorded, replayed = read_json(old), read_json(new)
    compared = JsonCompared(rules)
    # All of them before any is told: what is too deep is compared as text.
    differences = list(islice(compared.differences(recorded, replayed), MOST_COUNTED))
    told = [_member(difference, redactor) for difference in differences]
    found.add(told)
    # Differences in blanks and in the order of members are none.
    found.ignored += compared.ignored


def _member(difference: JsonDifference, redactor: Redactor) -> Difference:
    names = [key for key in difference.keys if isinstance(key, str)]

    def shown(value: object, *, there: bool) -> Shown | None:
        if not there:
            return None
        rendered = render(value)
        return Shown(rendered, redactor.member(names, rendered))

    path = path_text(difference.keys)
    return Difference(
        DifferenceKind.JSON_ORDER if difference.reordered else DifferenceKind.JSON,
        path,
        shown(difference.recorded, there=difference.had),
        shown(difference.replayed, there=difference.has),
        (f"order:{path}" if difference.reordered else f"json:{path}",),
    )


def _whole(old: Gathered, new: Gathered) -> Difference:
    place = ""
    if old.content is not None and new.content is not None:
        same = _beginning(old.content, new.content)
        place = f"from byte {same} on"
    recorded, replayed = (b"%d bytes" % each.size for each in (old, new))
    return Difference(
        DifferenceKind.CONTENT,
        place,
        Shown(recorded, recorded),
        Shown(replayed, replayed),
        ("body",),
    )


def _hide(redactor: Redactor, headers: Headers) -> Hide:
    plain = tuple(pair for pair in headers if pair[0].lower() != b"content-encoding")

    def hide(text: str) -> str | None:
        encoded = text.encode(errors="surrogatepass")
        shown = redactor.response_content(encoded, plain)
        if shown is None or shown is encoded:
            return None if shown is None else text
        return shown.decode(errors="replace")

    return hide


def _content_type(headers: Headers) -> bytes:
    return next((value for name, value in headers if name.lower() == b"content-type"), b"")


def _told(difference: Difference) -> Difference:
    """Cuts what is too long, around the first place where the values differ."""
    recorded, replayed = difference.recorded, difference.replayed
    path = difference.path
    if len(path) > MOST_PATH:
        path = path[:MOST_PATH] + "..."
    start = shown = 0
    if recorded is not None and replayed is not None:
        start = _beginning(recorded.value, replayed.value)
        shown = _beginning(recorded.shown, replayed.shown)
    return difference._replace(
        path=path,
        recorded=recorded and Shown(_cut(recorded.value, start), _cut(recorded.shown, shown)),
        replayed=replayed and Shown(_cut(replayed.value, start), _cut(replayed.shown, shown)),
    )


def _cut(value: bytes, differs: int) -> bytes:
    if len(value) <= MOST_VALUE:
        return value
    start = max(min(differs - MOST_VALUE // 4, len(value) - MOST_VALUE), 0)
    end = start + MOST_VALUE
    return b"".join(
        (b"..." if start else b"", value[start:end], b"..." if end < len(value) else b"")
    )


def _beginning(old: bytes, new: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

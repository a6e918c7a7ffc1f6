"""Header and trailer fields, compared.

The order of fields with different names means nothing (RFC 9110 section 5.3), that of values
of one name does, but where they are a set.
"""

from collections.abc import Callable
from typing import NamedTuple

from replayd.comparing.counted import FRAMING, UNCOUNTED, cookie_without_value
from replayd.comparing.rules import Rules
from replayd.comparing.volatile import masked
from replayd.model.comparison import Difference, DifferenceKind, Shown
from replayd.model.flow import Headers

_SETS = frozenset(
    (
        b"vary allow cache-control pragma accept-ranges access-control-allow-headers "
        b"access-control-allow-methods access-control-expose-headers clear-site-data"
    )
    .decode()
    .split()
)
"""Fields that hold a set of words, without regard to case."""

Show = Callable[[bytes, bytes], bytes]
"""Makes of a field's name and value what may be shown of the value."""


class FieldsCompared(NamedTuple):
    """What became of it."""

    differences: list[Difference]
    ignored: int


def compare_fields(
    recorded: Headers, replayed: Headers, rules: Rules, kind: DifferenceKind, show: Show
) -> FieldsCompared:
    """Compares fields, a difference for each name."""
    before, now = _by_name(recorded), _by_name(replayed)
    found, ignored = [], 0
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name, []), now.get(name, [])
        if old == new or (rules.volatile and name.encode("latin-1") in FRAMING):
            continue
        if _left_out(name, old, new, rules):
            ignored += 1
            continue
        found.append(
            Difference(
                kind, name, _shown(name, old, show), _shown(name, new, show), (f"header:{name}",)
            )
        )
    return FieldsCompared(found, ignored)


def _left_out(name: str, old: list[bytes], new: list[bytes], rules: Rules) -> bool:
    if rules.leaves_out(name):
        return True
    if rules.volatile and name.encode("latin-1") in UNCOUNTED:
        return True
    return _compared(name, old, rules) == _compared(name, new, rules)


def _by_name(headers: Headers) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower().decode("latin-1"), []).append(value.strip())
    return found


def _compared(name: str, values: list[bytes], rules: Rules) -> list[str]:
    """What is compared of values: two of the same meaning become the same."""
    if not rules.volatile:
        return [value.decode("latin-1") for value in values]
    if name == "set-cookie":
        return sorted(cookie_without_value(value).decode("latin-1") for value in values)
    texts = [masked(value.decode("latin-1")) for value in values]
    if name in _SETS:
        return sorted({word.strip().lower() for text in texts for word in text.split(",")})
    if name == "content-type":
        return [text.lower().replace(" ", "").replace('"', "") for text in texts]
    return texts


def _shown(name: str, values: list[bytes], show: Show) -> Shown | None:
    if not values:
        return None
    encoded = name.encode("latin-1")
    return Shown(b"\n".join(values), b"\n".join([show(encoded, value) for value in values]))

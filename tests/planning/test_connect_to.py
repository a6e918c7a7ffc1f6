"""--connect-to: the first rule that matches, and only the address."""

import pytest

from replayd.model.plan import ConnectTo, Target
from replayd.planning.connect_to import apply

TARGET = Target("https", "example.test", 443, "sni.test")


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (("", "", 0), True),
        (("https", "", 0), True),
        (("http", "", 0), False),
        (("", "Example.TEST", 0), True),
        (("", "other.test", 0), False),
        (("", "", 443), True),
        (("https", "example.test", 80), False),
    ],
)
def test_which_rules_match(rule: tuple[str, str, int], matches: bool) -> None:
    applied = apply(TARGET, [ConnectTo(*rule, "127.0.0.1", 8443)])
    expected = Target("https", "example.test", 443, "sni.test", "127.0.0.1", 8443)
    assert applied == (expected if matches else TARGET)


def test_the_first_match_wins() -> None:
    rules = [
        ConnectTo("http", "", 0, "a", 1),
        ConnectTo("", "", 0, "b", 2),
        ConnectTo("", "", 0, "c", 3),
    ]
    assert apply(TARGET, rules).address == ("b", 2)
    assert apply(TARGET, []) is TARGET

"""Rules, as users write them."""

import pytest

from replayd.comparing.rules import MAX_RULE, RuleError, parse_rules


def test_each_kind() -> None:
    rules = parse_rules(
        ["status", "body", "header:ETag", "json:$.a", "order:$.b", "body:a+", "line:12"],
        volatile=False,
    )
    assert rules.status
    assert rules.body
    assert rules.leaves_out("etag")
    assert not rules.leaves_out("x-etag")
    assert [len(rules.json), len(rules.order), len(rules.texts)] == [1, 1, 1]
    assert rules.lines == {12}
    assert not rules.volatile


def test_a_pattern_alone_leaves_the_body_in() -> None:
    assert not parse_rules(["body:a"]).body


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "'' is none; write status"),
        ("status:200", "is none"),
        ("header:", "is none"),
        ("cookie:a", "is none"),
        ("json:$.", "JSON path '\\$.' can't be read"),
        ("order:$[-1]", "counts from an array's end"),
        ("body:(", "no regular expression"),
        ("line:x", "no number of a line"),
        ("header:" + "x" * MAX_RULE, "more than 500 characters"),
    ],
)
def test_what_can_not_be_read_says_why(rule: str, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        parse_rules(["status", rule])

"""JSON paths, read."""

import pytest

from replayd.json_path import Step, parse_json_path


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", [Step("a", False)]),
        ("$.a[0].*", [Step("a", False), Step(0, False), Step(None, False)]),
        ("$..a[-1]", [Step("a", True), Step(-1, False)]),
        ("$..[0]", [Step(0, True)]),
        (r"$['it\'s'][*]", [Step("it's", False), Step(None, False)]),
    ],
)
def test_steps(path: str, steps: list[Step]) -> None:
    assert list(parse_json_path(path)) == steps


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a", r"does not begin with \$"),
        ("$a", "can't be read from character 1 on"),
        ("$.a.", "can't be read from character 3 on"),
        ("$", "selects nothing"),
        ("$..", "can't be read from character 1 on"),
    ],
)
def test_what_is_none_says_where(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_json_path(path)

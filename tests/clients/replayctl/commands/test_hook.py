"""What `replayctl hook` refuses; what it does is shown by tests/system."""

from pathlib import Path

import pytest

from tests.support.replayctl import replayctl


@pytest.mark.parametrize(
    ("text", "said"),
    [("x = 1 +", "SyntaxError"), ("", "has no function request, response, error")],
)
def test_a_script_that_can_not_be_used(text: str, said: str, tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text(text)
    result = replayctl("unix:/nobody", "hook", str(script))
    assert result.code == 2
    assert said in result.stderr

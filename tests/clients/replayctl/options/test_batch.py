"""What names a batch is never empty: that would be all of them."""

import pytest

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl


@pytest.mark.parametrize(
    "arguments",
    [
        *([name, "--batch", ""] for name in ("clear", "count", "list", "pause", "resume", "step")),
        ["resolve", "--batch", "", "drop"],
        ["watch", "--batch="],
        ["summary", "", "--fail-on", "error"],
        ["target", "", "--rate", "1/s"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_unset_variable_does_not_mean_everything(fake: FakeDaemon, arguments: list[str]) -> None:
    ended = replayctl(fake.address, *arguments)
    assert (ended.code, fake.requests) == (2, [])
    assert "it is empty; name one, or leave it out" in ended.stderr

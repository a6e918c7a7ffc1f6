"""The options travel as given."""

from pathlib import Path

from click.testing import CliRunner
from flowreplay.v1.replay_pb2 import (
    COMPARE_MODE_OFF,
    EnqueueRequest,
    EnqueueResponse,
)
from replayctl.cli import cli

from tests.support.fake_daemon import FakeDaemon

GIVEN = [
    *("--no-compare", "--ignore", "status", "--ignore", "header:ETag"),
    *("--no-default-ignores", "--learn-noise"),
]


def test_they_travel_as_given(fake: FakeDaemon, captures: Path) -> None:
    fake.enqueues.append(EnqueueResponse(batch_id="b", accepted_count=1, cursor="c"))
    capture = str(captures / "mut-unknown-key.mitm")
    CliRunner().invoke(
        cli, ["--address", fake.address, "enqueue", *GIVEN, capture], catch_exceptions=False
    )
    first = fake.requests[0]
    assert isinstance(first, EnqueueRequest)
    options = first.options
    assert options.compare == COMPARE_MODE_OFF
    assert list(options.ignored_differences) == ["status", "header:ETag"]
    assert (options.compare_volatile, options.learn_noise) == (True, True)

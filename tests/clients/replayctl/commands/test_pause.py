import json

from click.testing import CliRunner
from flowreplay.v1.replay_pb2 import (
    PauseRequest,
    PauseResponse,
    ResumeRequest,
    ResumeResponse,
)
from replayctl.cli import cli

from tests.support.fake_daemon import FakeDaemon


def test_it_says_whether_it_changed_anything(fake: FakeDaemon) -> None:
    for changed, said in ((True, "paused\n"), (False, "paused already\n")):
        fake.answers["Pause"] = PauseResponse(changed=changed)
        assert CliRunner().invoke(cli, ["--address", fake.address, "pause"]).stdout == said
    result = CliRunner().invoke(cli, ["--address", fake.address, "--output", "json", "pause"])
    assert json.loads(result.stdout)["changed"] is False


def test_of_one_batch(fake: FakeDaemon) -> None:
    for command, answer in (("pause", PauseResponse()), ("resume", ResumeResponse())):
        fake.answers[command.capitalize()] = answer
        assert (
            CliRunner().invoke(cli, ["--address", fake.address, command, "--batch", "b1"]).exit_code
            == 0
        )
    assert fake.requests == [PauseRequest(batch_id="b1"), ResumeRequest(batch_id="b1")]

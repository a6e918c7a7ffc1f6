import json

from click.testing import CliRunner
from flowreplay.v1.replay_pb2 import ResumeResponse
from replayctl.cli import cli

from tests.support.fake_daemon import FakeDaemon


def test_it_says_whether_it_changed_anything(fake: FakeDaemon) -> None:
    for changed, said in ((True, "resumed\n"), (False, "was not paused\n")):
        fake.answers["Resume"] = ResumeResponse(changed=changed)
        assert CliRunner().invoke(cli, ["--address", fake.address, "resume"]).stdout == said
    result = CliRunner().invoke(cli, ["--address", fake.address, "--output", "json", "resume"])
    assert json.loads(result.stdout)["changed"] is False

import json
from importlib.metadata import version

import grpc
import pytest
from click.testing import CliRunner
from flowreplay.v1.replay_pb2 import CountResponse
from replayctl.cli import VERBS, cli

from tests.support.fake_daemon import COMPACTED, STOPPING, FakeDaemon, Refuse

ADDRESS = "--address"


def test_the_help_names_every_verb() -> None:
    shown = CliRunner().invoke(cli, ["-h"]).output
    assert all(f"\n  {verb} " in shown for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "-h"])
    assert result.exit_code == 0
    assert f"{verb} " in result.output


def test_the_version_is_the_distributions() -> None:
    assert version("flowreplay") in CliRunner().invoke(cli, ["--version"]).output


def test_the_output_form_is_chosen_before_the_verb(fake: FakeDaemon) -> None:
    fake.answers["Count"] = CountResponse(running_count=2)
    result = CliRunner().invoke(cli, [ADDRESS, fake.address, "--output", "json", "count"])
    assert json.loads(result.stdout)["runningCount"] == "2"


@pytest.mark.parametrize(
    ("refusal", "code", "said"),
    [
        (STOPPING, 3, "the daemon is stopping [DAEMON_STOPPING]"),
        (COMPACTED, 5, "events 1 to 4 are gone [SEQUENCE_COMPACTED]"),
        (Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND"), 4, "no [BATCH_NOT_FOUND]"),
        (Refuse(grpc.StatusCode.INTERNAL, message="\x1b"), 4, "replayctl: \\x1b"),
    ],
)
def test_an_error_is_a_sentence_and_a_code(
    fake: FakeDaemon, refusal: Refuse, code: int, said: str
) -> None:
    fake.answers["Count"] = refusal
    result = CliRunner().invoke(cli, [ADDRESS, fake.address, "count"])
    assert result.exit_code == code
    assert said in result.output


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["count", "--bogus"], [ADDRESS, "x", "count"], ["--timeout", "0", "count"]],
)
def test_wrong_usage_says_what_and_how(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output

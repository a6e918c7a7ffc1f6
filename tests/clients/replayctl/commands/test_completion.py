import subprocess

import pytest
from click.testing import CliRunner
from replayctl.cli import cli

from tests.support.processes import DEADLINE
from tests.support.programs import find


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert f"_REPLAYCTL_COMPLETE={shell}_complete" in result.stdout


def test_the_words_are_completed() -> None:
    done = subprocess.run(
        [find("replayctl")],
        env={
            "_REPLAYCTL_COMPLETE": "bash_complete",
            "COMP_WORDS": "replayctl c",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "plain,cancel",
        "plain,clear",
        "plain,completion",
        "plain,count",
    ]


def test_another_shell_is_wrong_usage() -> None:
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2

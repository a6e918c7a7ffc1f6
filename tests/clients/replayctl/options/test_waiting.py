"""What a command that queues batches was asked to do after that."""

import click
import pytest
from click.testing import CliRunner, Result
from replayctl.options.waiting import Waiting, waiting_of, waiting_options


def run(*arguments: str, batches: int = 1) -> tuple[Result, list[Waiting]]:
    made: list[Waiting] = []

    @click.command()
    @waiting_options
    @click.pass_context
    def command(context: click.Context, wait: bool, fail_on: list[str], save_as: str) -> None:
        made.append(
            waiting_of(
                context, wait=wait, fail_on=fail_on, save_as=save_as, batches=batches, a_batch="X"
            )
        )

    return CliRunner().invoke(command, arguments), made


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Waiting(False, ["error"], "", "")),
        (["--wait", "--fail-on", "status, error"], Waiting(True, ["status", "error"], "", "")),
        (["--save", "out.har"], Waiting(True, ["error"], "out.har", "har")),
    ],
)
def test_what_was_given(arguments: list[str], expected: Waiting) -> None:
    assert run(*arguments)[1] == [expected]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fail-on", "error"], "only --wait waits for"),
        (["--save", "-"], "--save needs a file"),
        (["--save", "a.har"], "give one X with it"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], said: str) -> None:
    result, made = run(*arguments, batches=2)
    assert (result.exit_code, made) == (2, [])
    assert said in " ".join(result.output.split())

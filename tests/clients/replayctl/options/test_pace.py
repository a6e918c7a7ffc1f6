"""The options about time on the command line."""

import click
import pytest
from click.testing import CliRunner
from replayctl.options.pace import check_pace_settings, pace_options


@click.command()
@pace_options
def command(**settings: object) -> None:
    check_pace_settings(settings)  # type: ignore[arg-type]
    click.echo(sorted(settings.items()))


def run(*arguments: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == exit_code, done.output
    return done.output


def test_they_have_the_names_of_the_settings() -> None:
    said = run()
    assert "[('from_time', ''), ('max_gap', None), ('pace', 'asap'), ('repeat', 1), " in said
    said = run("--pace", "recorded*2", "--max-gap", "3", "--from-time", "1", "--to-time", "2")
    assert "('max_gap', 3.0), ('pace', 'recorded*2'), ('repeat', 1), ('to_time', '2')" in said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--pace", "fast"], "'fast' is not a pace"),
        (["--from-time", "noon"], "'noon' is no time"),
        (["--to-time", "noon"], "'noon' is no time"),
        (["--max-gap", "1"], "only with the pace"),
        (["--repeat", "0"], "0 is not in the range"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], expected: str) -> None:
    assert expected in run(*arguments, exit_code=2)

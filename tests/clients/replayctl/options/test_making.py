"""What options are made with, on a command of its own."""

import click
import pytest
from click.testing import CliRunner
from replayctl.options.making import checking, reading, short, together


@click.command()
@together(
    click.option("--number", "numbers", multiple=True, callback=reading(int), help="First."),
    click.option("--name", default="", callback=short, help="Second."),
    click.option("--count", default="1", callback=checking(int), help="Third."),
)
def command(**values: object) -> None:
    click.echo(sorted(values.items()))


def test_options_are_listed_in_order_and_give_what_was_read() -> None:
    listed = CliRunner().invoke(command, ["--help"]).output
    assert listed.index("First") < listed.index("Second") < listed.index("Third")
    given = CliRunner().invoke(command, ["--number", "3", "--number", "4", "--count", "05"])
    assert given.output == "[('count', '05'), ('name', ''), ('numbers', [3, 4])]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--number", "x"], "'--number': invalid literal"),
        (["--count", "x"], "'--count': invalid literal"),
        (["--name", "x" * 201], "'--name': 201 characters are more than 200"),
    ],
)
def test_what_is_wrong_is_told_with_the_option(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(command, arguments)
    assert refused.exit_code == 2
    assert said in refused.output

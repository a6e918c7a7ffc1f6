"""What the documents list is what the code has: options, commands, codes, reasons, kinds."""

import re
from pathlib import Path

import click
import pytest
from flowreplay.v1 import event_pb2, plan_pb2, reason_pb2
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from replayctl import exits
from replayctl.cli import cli

from replayd.cli import serve
from replayd.journal.memory import open_memory
from replayd.metrics.figures import Figures
from tests.metrics.test_figures import NOW, sources
from tests.support.programs import ROOT

README = (ROOT / "README.md").read_text()


def section(document: str, heading: str) -> str:
    """The text below a heading, to the next one of its level."""
    text = (ROOT / document).read_text()
    level, _, _ = heading.partition(" ")
    below = text.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^{level} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> set[str]:
    """What stands in code in the first cell of each row of the tables in a text."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


def test_every_option_of_the_daemon_is_listed() -> None:
    options = {name for option in serve.params for name in (*option.opts, *option.secondary_opts)}
    listed = {code.split(" ")[0] for code in first_cells(section("README.md", "## Options"))}
    assert {name for name in options if not name.startswith("--no-")} == listed


def test_the_unit_for_systemd_starts_what_there_is() -> None:
    (command,) = re.findall(
        r"^ExecStart=(.*)$", section("docs/operations.md", "## Stop and restart"), re.M
    )
    program, verb, *arguments = command.split()
    assert (Path(program).name, verb) == ("replayd", "serve")
    assert serve.make_context(verb, arguments).params["listen"] == ("unix:%t/replayd/replayd.sock",)


def test_every_command_of_the_client_is_listed() -> None:
    listed = {code.split(" ")[0] for code in first_cells(section("README.md", "## Commands"))}
    assert listed == set(cli.list_commands(click.Context(cli)))


def test_every_option_of_enqueue_is_listed() -> None:
    text = section("README.md", "## What enqueue can do").replace("\\|", "")
    listed = {code.split(" ")[0] for code in first_cells(text)}
    enqueue = cli.get_command(click.Context(cli), "enqueue")
    assert enqueue is not None
    # What is on by default is listed as what turns it off.
    options = {
        (each.secondary_opts or each.opts)[0]
        for each in enqueue.params
        if isinstance(each, click.Option)
    }
    assert listed == options


def test_every_exit_code_is_listed() -> None:
    codes = {str(value) for name, value in vars(exits).items() if name.isupper()}
    assert first_cells(section("docs/operations.md", "## Exit codes")) >= codes


@pytest.mark.parametrize(
    ("heading", "contract"),
    [
        ("## Reasons", reason_pb2.Reason),
        ("## Updates", event_pb2.UpdateKind),
        ("## States", event_pb2.ReplayState),
    ],
)
def test_every_value_is_listed_in_events(heading: str, contract: EnumTypeWrapper) -> None:
    prefix = contract.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
    names = {name.removeprefix(prefix) for name in contract.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    assert first_cells(section("docs/events.md", heading)) == names


def test_every_change_is_listed_in_fidelity() -> None:
    names = {name.removeprefix("CHANGE_KIND_") for name in plan_pb2.ChangeKind.keys()}  # noqa: SIM118
    listed = first_cells((ROOT / "docs" / "fidelity.md").read_text())
    assert listed == names - {"UNSPECIFIED"}


def test_the_documents_are_listed_in_the_readme() -> None:
    for path in sorted(Path(ROOT / "docs").glob("*.md")):
        assert f"(docs/{path.name})" in README


def test_every_figure_is_listed() -> None:
    journal = open_memory(NOW)
    registry = CollectorRegistry()
    registry.register(Figures(journal, sources(ROOT)))
    ProcessCollector(registry=registry)
    exposed = generate_latest(registry).decode()
    journal.close()
    named = {line.split(" ")[2] for line in exposed.splitlines() if line.startswith("# TYPE ")}
    listed = first_cells(section("docs/metrics.md", "## Figures"))
    assert named == listed
    alerts = (ROOT / "docs/metrics.md").read_text().split("alert:", 1)[1]
    assert set(re.findall(r"replayd_\w+", alerts)) <= named

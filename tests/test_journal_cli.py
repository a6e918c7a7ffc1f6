"""`replayd journal`: what it prints, and its exit codes."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from replayd import cli, journal_cli
from replayd.journal.sqlite import open_sqlite
from replayd.journal.sqlite.migrations import MIGRATIONS
from tests.support.frozen_journals import thaw
from tests.support.journals import NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a journal of the newest version."""
    folder = tmp_path / "data"
    thaw(str(len(MIGRATIONS)), folder)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, ["journal", *map(str, arguments)])


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_whole_journal(folder: Path) -> None:
    result = run("check", "--data-dir", folder)
    assert result.exit_code == 0
    assert result.stdout == (
        "nothing is damaged: 4 batches, 12 flows, 4 outcomes, 2 contents, 11 events, 1 answers\n"
    )


def test_a_damaged_journal(folder: Path) -> None:
    for blob in (folder / "blobs").iterdir():
        blob.unlink()
    result = run("check", "--data-dir", folder)
    assert result.exit_code == 1
    assert "batch 1, flow 2: the request content: " in result.stdout
    assert result.stdout.endswith("2 findings; `replayd journal salvage` copies what is whole\n")
    *findings, summary = lines(run("check", "--output", "json", "--data-dir", folder))
    assert [each["where"] for each in findings] == ["batch 1, flow 2"] * 2
    assert (summary["damaged"], summary["flows"]) == (2, 12)


def test_a_salvage(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    result = run("salvage", "--data-dir", folder, new)
    assert result.exit_code == 0
    assert result.stdout == (
        f"copied to {new}: 4 batches, 12 flows, 6 queued, 11 events\nnothing is lost\n"
    )
    assert run("salvage", "--data-dir", folder, new).exit_code == 4


def test_a_salvage_that_can_not_save_all(folder: Path, tmp_path: Path) -> None:
    for blob in (folder / "blobs").iterdir():
        blob.unlink()
    result = run("salvage", "--output", "json", "--data-dir", folder, tmp_path / "new")
    assert result.exit_code == 1
    (summary,) = lines(result)
    assert (summary["lost_files"], summary["lost_flows"], summary["flows"]) == (2, 1, 11)


def test_a_backup_and_a_compaction(folder: Path, tmp_path: Path) -> None:
    result = run("backup", "--data-dir", folder, tmp_path / "copy")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"copied to {tmp_path / 'copy'}: ")
    assert run("compact", "--data-dir", folder).exit_code == 4
    open_sqlite(folder, NOW).close()
    (sizes,) = lines(run("compact", "--output", "json", "--data-dir", folder))
    assert sizes.keys() == {"before", "after"}


def test_what_can_not_be_done_is_said(folder: Path) -> None:
    journal = open_sqlite(folder, NOW)
    result = run("check", "--data-dir", folder)
    journal.close()
    assert result.exit_code == 4
    assert result.stderr.startswith(f"replayd: {folder} is used by another daemon (pid ")
    assert run("check", "--data-dir", folder / "none").exit_code == 4


def test_the_data_dir_is_found_as_the_daemon_finds_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLAYD_DATA_DIR", str(folder))
    assert run("check").exit_code == 0


def test_a_terminal_sees_how_far_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(journal_cli, "_PROGRESS_SECONDS", -1)
    with journal_cli._progress("checked") as tick:
        tick()
        tick()
    assert capsys.readouterr().err == "\r1 checked\r2 checked\r\033[K"

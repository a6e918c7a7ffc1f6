import os
import threading
from pathlib import Path

import click
import pytest
from flowreplay.v1.history_pb2 import ExportResponse
from flowreplay_client import Client
from replayctl.output import Output
from replayctl.saving import SUFFIXES, format_for, save

from tests.support.fake_daemon import FakeDaemon
from tests.support.processes import DEADLINE

CHUNKS = [ExportResponse(), ExportResponse(chunk=b"bytes", exported_count=2)]


@pytest.mark.parametrize(("suffix", "name"), SUFFIXES.items())
def test_the_name_says_the_format(suffix: str, name: str) -> None:
    assert format_for(f"a{suffix}") == format_for(f"A{suffix.upper()}") == name


def test_a_format_that_was_named_wins() -> None:
    assert format_for("a.har", "goreplay") == "goreplay"
    assert format_for("-", "har") == "har"


@pytest.mark.parametrize("out", ["a", "a.zip", "-", "har", "./nowhere/a.har", "."])
def test_what_can_not_be_written_is_wrong_usage(out: str) -> None:
    with pytest.raises(click.UsageError):
        format_for(out)


def test_a_pipe_is_written_as_it_is(client: Client, fake: FakeDaemon, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    fake.exports.append([*CHUNKS])
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    save(client, "b", str(pipe), "har", Output(as_json=False))
    assert pipe.is_fifo()
    reader.join(DEADLINE)
    assert read == [b"bytes"]


def test_what_is_there_stays_until_the_new_one_is_whole(
    client: Client, fake: FakeDaemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.har"
    out.write_text("of old")
    fake.exports.append([*CHUNKS])
    with out.open() as held:
        save(client, "b", str(out), "har", Output(as_json=False))
        assert held.read() == "of old"
    assert out.read_bytes() == b"bytes"
    assert capsys.readouterr().out == f"{out}: 2 replays of batch b\n"

"""What the API guide says of JSON, and its example for jq."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowreplay_client import connect, request_flow

from tests.docs.examples import examples
from tests.support.daemon import Daemon, clean_environment
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT
from tests.support.recorder import Recorder


@pytest.fixture(scope="module")
def replayed() -> Iterator[tuple[Daemon, list[str]]]:
    """A daemon that replayed, and the URLs that it replayed."""
    with Recorder() as target, Daemon("--ephemeral") as daemon:
        urls = [f"http://{target.address}/{path}" for path in ("one", "two")]
        with connect(daemon.address) as client:
            batch = client.enqueue([request_flow("GET", url) for url in urls])
            list(client.watch(start=batch.cursor, until_idle=True))
        yield daemon, urls


def test_bytes_are_base64_and_64_bit_numbers_strings(
    replayed: tuple[Daemon, list[str]],
) -> None:
    daemon, urls = replayed
    arguments = ["--output", "json", "watch", "--from", "start", "--until-idle"]
    lines = daemon.replayctl(*arguments, "--kind", "response").stdout.splitlines()
    shown = [json.loads(line) for line in lines]
    assert [base64.b64decode(each["response"]["url"]).decode() for each in shown] == urls
    for each in shown:
        response = each["response"]
        assert base64.b64decode(response["method"]) == b"GET"
        assert all(base64.b64decode(field["name"]) for field in response["head"]["headers"])
        assert each["sequence"].isdigit()
        assert response["contentSizeBytes"].isdigit()


@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq")
def test_the_example_for_jq_prints_each_url(replayed: tuple[Daemon, list[str]]) -> None:
    daemon, urls = replayed
    found = [each.text for each in examples(ROOT / "docs/api.md") if "jq -r" in each.text]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = clean_environment(Path("/nonexistent"), PATH=path, REPLAYD_ADDRESS=daemon.address)
    (command,) = found
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{command}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stdout.splitlines() == urls

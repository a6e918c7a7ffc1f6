"""Export as its users do it: a capture in, replayed, a capture out, read by others and us."""

import base64
import functools
import io
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from replayd.formats.tnetstring import Records
from replayd.formats.tnetstring_parser import Parser
from replayd.model.flow import Flow, FlowKind
from tests.support import calls
from tests.support.captures import flows_of
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.har_schema import check_har
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT, find
from tests.support.recorder import Exchange, Recorder

CAPTURES = ROOT / "tests" / "data" / "captures"

_DUMPS = ["rec-basic", "rec-bodies", "rec-odd", "rec-names", "rec-h2", "rec-https", "rec-meta"]
DUMPS = [f"{name}.mitm" for name in _DUMPS]
OTHERS = ["har/har2case-demo.har", "goreplay/gor-basic-tracked.gor"]
SEPARATOR = "\n🐵🙈🙉\n".encode()
ODD = b"\x00\xffnew: "


def answer(exchange: Exchange) -> None:
    """Answers with what nobody has recorded; some break off."""
    request = exchange.request
    if len(request.start_line) % 3 == 0 and request.method != b"HEAD":
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        exchange.close()
    else:
        exchange.reply(203, ODD + request.start_line)


Seen = list[dict[str, Any]]
"""What mitmproxy reads in a dump, flow by flow."""
Replay = Callable[[str], dict[str, bytes]]
"""Replays a capture and returns it exported in every format, by suffix."""


@pytest.fixture(scope="module")
def replayed(authority: Authority) -> Iterator[Replay]:
    """One daemon and its servers for all captures."""
    with ExitStack() as stack:
        plain = stack.enter_context(Recorder(answer))
        secure = stack.enter_context(Recorder(answer, tls=authority.server_context("any.test")))
        rules = [f"--connect-to=http://={plain.address}", f"--connect-to=https://={secure.address}"]
        daemon = stack.enter_context(Daemon("--insecure", "--concurrency", "4"))

        def replay(name: str) -> dict[str, bytes]:
            enqueue = ["--output", "json", "enqueue", str(CAPTURES / name), *rules]
            batch = json.loads(daemon.replayctl(*enqueue).stdout)
            follow = ["--from", batch["cursor"], "--batch", batch["batchId"], "--until-idle"]
            daemon.replayctl("watch", *follow)
            exported = {}
            for suffix in ("mitm", "har", "gor"):
                out = daemon.folder / f"out.{suffix}"
                export = ["--output", "json", "export", batch["batchId"], str(out)]
                told = json.loads(daemon.replayctl(*export).stdout)
                assert told["exportedCount"] == int(batch["acceptedCount"])
                assert told["leftOutCount"] == 0
                exported[suffix] = out.read_bytes()
            return exported

        yield functools.cache(replay)


def replayable(capture: bytes) -> list[Flow]:
    """The flows of a capture that are replayed."""
    return [
        flow
        for flow in flows_of(io.BytesIO(capture))
        if flow.kind is FlowKind.HTTP and flow.request and flow.request.content is not None
    ]


@pytest.fixture(scope="module")
def seen_by_mitmproxy(
    replayed: Replay, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Seen]:
    """What mitmproxy reads in the dump of each capture."""
    folder = tmp_path_factory.mktemp("dumps")
    dumps = {name: folder / f"{number}.mitm" for number, name in enumerate([*DUMPS, *OTHERS])}
    for name, dump in dumps.items():
        dump.write_bytes(replayed(name)["mitm"])
    return dict(zip(dumps, read_by_mitmproxy(folder, *dumps.values()), strict=True))


def read_by_mitmproxy(folder: Path, *dumps: Path) -> list[Seen]:
    """What mitmproxy reads in each dump; `folder`: takes what it needs itself."""
    done = subprocess.run(
        [
            *(find("mitmdump"), "-n", "-q", "--set", f"confdir={folder}"),
            *("-s", ROOT / "tests" / "support" / "mitmproxy_witness.py"),
        ],
        env={**os.environ, "DUMPS": os.pathsep.join(map(str, dumps))},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def text(octets: bytes) -> str:
    return octets.decode("latin-1")


@pytest.mark.parametrize("name", DUMPS)
def test_a_dump_comes_back_in_every_format(
    replayed: Replay, seen_by_mitmproxy: dict[str, Seen], name: str
) -> None:
    captured = replayable((CAPTURES / name).read_bytes())
    exported = replayed(name)
    check_har(json.loads(exported["har"]))
    for suffix, capture in exported.items():
        check_requests(captured, capture, headers=suffix == "mitm")
    check_dump(captured, exported["mitm"], seen_by_mitmproxy[name])


def check_requests(captured: list[Flow], exported: bytes, *, headers: bool) -> None:
    """Our own readers find the same requests."""
    found = flows_of(io.BytesIO(exported))
    assert len(found) == len(captured)
    for flow, again in zip(captured, found, strict=True):
        assert flow.request is not None
        assert again.request is not None
        assert again.request.method == flow.request.method
        assert again.request.content == flow.request.content
        assert not headers or again.request.headers == flow.request.headers


def check_dump(captured: list[Flow], exported: bytes, found: Seen) -> None:
    """mitmproxy shows the new answers, and brings back the recorded ones."""
    assert len(found) == len(captured)
    for flow, seen in zip(captured, found, strict=True):
        request = flow.request
        assert request is not None
        assert (seen["id"], seen["replayed"], seen["modified"]) == (flow.flow_id, "request", True)
        assert (seen["method"], seen["path"]) == (text(request.method), text(request.path))
        assert seen["request"]["fields"] == [[text(n), text(v)] for n, v in request.headers]
        assert seen["request"]["content"] == text(request.content or b"")
        if seen["error"]:
            assert seen["error"].startswith("CLOSED_EARLY: ")
            assert seen["response"]["content"] == "half"
        else:
            assert seen["status"] == 203
            new = b"" if request.method == b"HEAD" else ODD + request.method
            assert seen["response"]["content"].startswith(text(new))
        assert (seen["tls"][0] is not None) == (request.scheme == b"https")
        assert seen["server"][0] == "127.0.0.1"
        check_reverted(flow, seen["reverted"])
        assert not seen["still_modified"]
    # What mitmproxy itself would save of it; it turns the order of a backup's keys around.
    again = b"".join(bytes.fromhex(seen["again"]) for seen in found)
    assert states(again) == states(exported)


def states(dump: bytes) -> list[object]:
    """The states in a dump."""
    parser = Parser(frozenset())
    return [parser.parse(record) for record in Records(io.BytesIO(dump))]


def check_reverted(flow: Flow, seen: dict[str, Any]) -> None:
    """Reverting a flow brings back what was recorded."""
    assert seen["error"] == (flow.error.message if flow.error else None)
    response = flow.response
    assert seen["status"] == (response.status_code if response else None)
    if response is not None:
        content = response.content
        assert seen["response"]["content"] == (None if content is None else text(content))
        assert seen["response"]["fields"] == [[text(n), text(v)] for n, v in response.headers]
        # The journal keeps microseconds.
        times = pytest.approx([response.start_time, response.end_time], abs=2e-6)
        assert seen["response"]["times"] == times


HARS = ["rec-basic.har", "mitmproxy-chrome.har", "mitmproxy-charles.har"]
HARS += ["mitmproxy-firefox.har", "har2case-demo.har"]


@pytest.mark.parametrize("name", HARS)
def test_a_har_comes_back_entry_by_entry(replayed: Replay, name: str) -> None:
    before = json.loads((CAPTURES / "har" / name).read_text("utf-8-sig"))["log"]["entries"]
    exported = json.loads(replayed(f"har/{name}")["har"])
    check_har(exported)
    for new in exported["log"]["entries"]:
        old = before[int(new["_replay"]["id"].rpartition(".")[2])]
        sent, again = old["request"], new["request"]
        assert (again["method"], again["url"]) == (sent["method"], sent["url"].partition("#")[0])
        assert fields(again) in (fields(sent), [("host", host_of(sent["url"])), *fields(sent)])
        assert text_of(again) == text_of(sent)
        assert new.get("_recordedStatus", 0) == old["response"]["status"]


def fields(request: dict[str, Any]) -> list[tuple[str, str]]:
    """A request's header fields, without those that only HTTP/2 has."""
    pairs = [(each["name"], each["value"]) for each in request["headers"]]
    return [("host" if n.lower() == "host" else n, v) for n, v in pairs if not n.startswith(":")]


def host_of(url: str) -> str:
    return url.split("/")[2]


def text_of(request: dict[str, Any]) -> str:
    text: str = request.get("postData", {}).get("text", "")
    return text


def records(capture: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """The type, id and payload of a GoReplay file's records, in an order of their own."""
    *found, rest = capture.split(SEPARATOR)
    assert rest == b""
    parts = [record.partition(b"\n") for record in found]
    return sorted((*meta.split(b" ")[:2], payload) for meta, _, payload in parts)


def test_a_goreplay_file_comes_back_record_by_record(replayed: Replay) -> None:
    name = "goreplay/gor-basic-tracked.gor"
    exported = records(replayed(name)["gor"])
    assert [each for each in exported if each[0] != b"3"] == records((CAPTURES / name).read_bytes())


def test_odd_goreplay_records_come_back_but_for_what_a_flow_can_not_hold(replayed: Replay) -> None:
    name = "goreplay/gor-odd-tracked.gor"
    before = records((CAPTURES / name).read_bytes())
    after = [each for each in records(replayed(name)["gor"]) if each[0] != b"3"]
    lost = [each for each in before if each not in after]
    made = [each for each in after if each not in before]
    requests = {record[1]: record[2] for record in lost if record[0] == b"1"}
    mended = {record[1]: record[2] for record in made}
    blank, chunks, pipelined, no_host = sorted(requests, key=lambda each: _oddity(requests[each]))
    assert mended.pop(blank) == requests[blank].replace(b"X-Empty:\r", b"X-Empty: \r")
    assert mended.pop(chunks).endswith(b"\r\n\r\nb\r\nhello world\r\n0\r\n\r\n")
    # Two requests of one record are a record each, of the same id.
    both = b"".join(payload for _, number, payload in made if number == pipelined)
    assert both == requests[pipelined]
    assert mended.keys() == {pipelined}
    assert b"Host:" not in requests[no_host]
    # The answer to the one, and one to a request that is not in the file.
    answered = [number for kind, number, _ in lost if kind == b"2"]
    assert len(answered) == 2
    assert no_host in answered


def _oddity(request: bytes) -> int:
    """What a flow can't hold of a request."""
    marks = (b"X-Empty:\r", b"chunked", b"GET /p2")
    return next((at for at, mark in enumerate(marks) if mark in request), len(marks))


@pytest.mark.parametrize("path", OTHERS)
def test_formats_are_turned_into_each_other(
    replayed: Replay, seen_by_mitmproxy: dict[str, Seen], path: str
) -> None:
    captured = replayable((CAPTURES / path).read_bytes())
    exported = replayed(path)
    check_har(json.loads(exported["har"]))
    for capture in exported.values():
        check_requests(captured, capture, headers=False)
    assert len(seen_by_mitmproxy[path]) == len(captured)


def test_grpcurl_exports_by_reflection(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    recorder = start_recorder()
    daemon = start_daemon("--ephemeral")
    stub = daemon.stub()
    batch = calls.enqueue(stub, [calls.flow(f"http://{recorder.address}/a")])
    calls.events(stub, batch.cursor)
    asked = {"batchId": batch.batch_id, "format": "CAPTURE_FORMAT_HAR"}
    method = "flowreplay.v1.HistoryService/Export"
    grpcurl = [find("grpcurl"), "-plaintext", "-unix"]
    done = subprocess.run(
        [*grpcurl, "-d", json.dumps(asked), daemon.address.removeprefix("unix:"), method],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    chunks = re.findall(r'"chunk": "([^"]+)"', done.stdout)
    har = json.loads(b"".join(map(base64.b64decode, chunks)))
    check_har(har)
    assert [entry["response"]["status"] for entry in har["log"]["entries"]] == [200]

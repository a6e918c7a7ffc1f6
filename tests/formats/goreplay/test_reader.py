"""GoReplay files: real ones beside a witness, damaged ones."""

import gzip
import hashlib
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format, read_capture
from replayd.formats.goreplay.records import SEPARATOR
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Headers, Request, Response
from replayd.reasons import Reason
from tests.support.captures import FOLDER, Dribble, flows_of
from tests.support.gor import GET, OK, post, read, record
from tests.support.raw_captures import damaged

GORS = {path.name: path for path in sorted((FOLDER / "goreplay").glob("*.gor"))}


def witness(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / "goreplay" / f"{name}.json").read_text())[
        "records"
    ]
    return loaded


UNFRAMED = {
    # The witness does not know framing: chunks, and a pipelined second request.
    ("gor-odd-tracked.gor", "5ab595973df5dacc1b1c365502855fbc2fde9ce3"): b"hello world",
    ("gor-odd-tracked.gor", "9a6b7b918c76267ddb506b58fbf2af77cb9b45fb"): b"",
}


@pytest.mark.parametrize("name", GORS)
def test_a_real_file_reads_as_the_witness_saw_it(name: str) -> None:
    flows, _ = read(GORS[name].read_bytes())
    seen = witness(name)
    requests = [each for each in seen if each["type"] == "request"]
    responses = {each["id"]: each for each in seen if each["type"] != "request"}
    firsts = {flow.flow_id: flow for flow in reversed(flows)}
    assert [flow.flow_id for flow in firsts.values()] == [each["id"] for each in requests][::-1]
    for each in requests:
        flow = firsts[each["id"]]
        assert flow.request is not None
        compare(flow.request, start_line(flow.request), each, UNFRAMED.get((name, each["id"])))
        answer = responses.get(each["id"])
        assert (flow.response is None) == (answer is None)
        if flow.response is not None and answer is not None:
            compare(flow.response, status_line(flow.response), answer, None)


def compare(
    found: Request | Response, line: bytes, seen: dict[str, Any], framed: bytes | None
) -> None:
    assert line.decode("latin-1") == seen["start_line"]
    assert stripped(found.headers) == [tuple(field) for field in seen["headers"]]
    assert found.start_time == pytest.approx(int(seen["timestamp_ns"]) / 1e9, abs=1e-6)
    assert found.content is not None
    if framed is not None:
        assert found.content == framed
    else:
        assert [len(found.content), hashlib.sha256(found.content).hexdigest()] == seen["body"]


def start_line(request: Request) -> bytes:
    absolute = b"http://" + request.authority if request.authority else b""
    return b" ".join((request.method, absolute + request.path, request.http_version))


def status_line(response: Response) -> bytes:
    return b"%b %d %b" % (response.http_version, response.status_code, response.reason_phrase)


def stripped(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.strip().decode("latin-1")) for name, value in headers]


def test_what_the_real_ones_hold_beside_that() -> None:
    flows, notes = read(GORS["gor-odd-tracked.gor"].read_bytes())
    paths = [flow.request.path for flow in flows if flow.request]
    assert paths.index(b"/p2") == paths.index(b"/p1") + 1, "two requests in one record"
    unasked = "5cf35cfcd46633b9e7a4db0c1970eecf4abba1f9"
    assert [note.message for note in notes] == [
        f"a response whose request is missing (id {unasked}) was left out"
    ]
    assert {flow.session_id for flow in flows} == {"file"}


@pytest.mark.parametrize("name", GORS)
def test_pieces_and_packing_do_not_matter(name: str) -> None:
    data = GORS[name].read_bytes()[:20_000]
    assert flows_of(Dribble(data)) == flows_of(io.BytesIO(data))
    assert flows_of(Dribble(gzip.compress(data), 100)) == flows_of(io.BytesIO(data))


def test_a_torn_end_costs_no_more_than_what_is_missing() -> None:
    data = record(OK, 2) + record(post(b"ab", b"Content-Length: 2"))
    said = set()
    for size in range(len(record(OK, 2)), len(data)):
        flows, notes = read(data[:size])
        said |= {note.message.partition(":")[0] for note in notes if note.flow_index in (0, 1)}
        whole = [flow for flow in flows if flow.request and flow.request.content is not None]
        assert len(whole) == (size >= len(data) - len(SEPARATOR))
    assert said == {
        "a response whose request is missing (id a1) was left out",
        "the file ends inside the first line of a record, which was left out",
        "the request can't be read",
        "the request's content is cut",
        "the file ends after it, without the mark of a record's end",
    }


def test_what_is_no_record_damages_the_capture() -> None:
    data = record(GET) + record(OK, 2)
    with pytest.raises(CaptureError) as caught:
        read(b"x" + data)
    assert (caught.value.byte_offset, caught.value.flow_index) == (0, 0)
    assert caught.value.reason is Reason.DAMAGED_CAPTURE


def salvaged(data: bytes) -> list[str | int]:
    """The ids of a file's requests, and where damage begins."""
    found = read_capture(io.BytesIO(data), format=Format.GOREPLAY, salvage=True)
    flows = [each for each in found if not isinstance(each, CaptureNote)]
    return [each.byte_offset if isinstance(each, DamagedFlow) else each.flow_id for each in flows]


def test_salvage_goes_on_with_the_next_record() -> None:
    first, second = record(GET, record_id="a1"), record(GET, record_id="b2")
    assert salvaged(first[9:] + second + first) == [0, "b2", "a1"]
    assert salvaged(b"x" + SEPARATOR + second) == [0, "b2"]
    assert salvaged(b"x" * 600_000 + SEPARATOR + b"y" + SEPARATOR + first) == [0, "a1"]
    assert salvaged(b"x\n" + SEPARATOR) == [0]


PIECES = GORS["gor-odd-tracked.gor"].read_bytes()


@settings(max_examples=300, deadline=None)
@given(damaged(PIECES, SEPARATOR, b"\n", b"\r\n\r\n", b"1 a 5\n", b"9"))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    found: list[Flow | CaptureNote] = []
    reason = None
    try:
        found = list(read_capture(Dribble(data, 1000), format=None))
    except ReplaydError as error:
        reason = error.reason
    assert reason in (None, Reason.DAMAGED_CAPTURE, Reason.UNKNOWN_FORMAT)
    assert all(isinstance(each, Flow | CaptureNote) for each in found)


class Many:
    """So many requests that nothing answers, made while they are read."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._record = record(post(b"x" * 40_000, b"Content-Length: 40000"))

    def read(self, _size: int, /) -> bytes:
        self._left -= 1
        return self._record if self._left >= 0 else b""


def test_a_large_file_is_read_in_bounded_memory() -> None:
    tracemalloc.start()
    try:
        count = sum(isinstance(each, Flow) for each in read_capture(Many(2000), format=None))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 2000
    assert peak < 40 << 20, "the window's 32 MiB, and a little"

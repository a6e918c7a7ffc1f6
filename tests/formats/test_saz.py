"""Fiddler's archives: a real one beside a witness, made-up, damaged and hostile ones."""

import io
import tempfile
import tracemalloc
import zipfile
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format, read_capture, saz
from replayd.model.flow import DamagedFlow, Flow, FlowKind
from replayd.reasons import Reason
from tests.support.captures import FOLDER, Dribble
from tests.support.raw_captures import (
    archive,
    check_damage,
    compare,
    damaged,
    read,
    read_one,
    witness,
)

REAL = "saz2jmx-part1.saz"
DATA = (FOLDER / "saz" / REAL).read_bytes()

GET = b"GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def details(port: int = 5000, **flags: str) -> bytes:
    given = {"x-clientip": "127.0.0.1", "x-clientport": str(port)}
    given |= {name.replace("_", "-"): value for name, value in flags.items()}
    listed = "".join(f'<SessionFlag N="{name}" V="{value}"/>' for name, value in given.items())
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><Session SID="1"><SessionTimers '
        'ClientConnected="2020-09-01T13:57:52Z" ClientBeginRequest="2020-09-01T13:57:52.5Z" '
        'ServerDoneResponse="0001-01-01T00:00:00"/>'
        f"<SessionFlags>{listed}</SessionFlags></Session>"
    ).encode()


def a_file() -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile())


def test_a_real_archive_reads_as_the_witness_saw_it() -> None:
    flows = read(DATA, Format.SAZ)
    for flow, seen in zip(flows, witness("saz", REAL), strict=True):
        assert isinstance(flow, Flow)
        assert flow.request is not None
        assert flow.flow_id == seen["session"]
        method, url, version = seen["request"]["start_line"].encode().split(b" ")
        assert (flow.request.method, flow.request.http_version) == (method, version)
        if method == b"CONNECT":
            assert flow.kind is FlowKind.TCP
            continue
        assert flow.kind is FlowKind.HTTP
        assert flow.request.authority == b""
        assert (
            b"%b://%b%b" % (flow.request.scheme, flow.request.host.encode(), flow.request.path)
            == url
        )
        compare(flow.request, seen["request"])
        assert flow.response is not None
        compare(flow.response, seen["response"])
    spooled = read_capture(Dribble(DATA, 1000), format=None, spool=a_file)
    assert list(spooled) == flows


def test_sessions_come_in_their_order_with_what_is_said_of_them() -> None:
    files = {"raw/10_c.txt": GET, "raw\\9_c.txt": GET, "raw/9_s.txt": OK, "other": b"x"}
    files |= {"raw/9_m.xml": details(ui_comments="look"), "raw/10_m.xml": details(0)}
    ninth, tenth = read(archive(files), Format.SAZ)
    assert isinstance(ninth, Flow)
    assert isinstance(tenth, Flow)
    assert (ninth.flow_id, tenth.flow_id) == ("9", "10")
    assert ninth.session_id == "127.0.0.1:5000 2020-09-01T13:57:52Z"
    assert (tenth.session_id, tenth.response) == ("file", None)
    assert ninth.comment == "look"
    assert ninth.request is not None
    assert ninth.response is not None
    assert (ninth.request.path, ninth.request.start_time) == (b"/x?y", 1598968672.5)
    assert (ninth.response.content, ninth.response.end_time) == (b"ok", None)


@pytest.mark.parametrize(
    ("line", "path", "kind"),
    [
        (b"GET http://a.test HTTP/1.1", b"/", FlowKind.HTTP),
        (b"GET http://a.test?q HTTP/1.1", b"/?q", FlowKind.HTTP),
        (b"OPTIONS http://a.test HTTP/1.1", b"*", FlowKind.HTTP),
        (b"GET /x HTTP/1.1", b"/x", FlowKind.HTTP),
        (b"CONNECT a.test:443 HTTP/1.1", b"", FlowKind.TCP),
    ],
)
def test_a_request_is_as_it_went_on_to_the_server(line: bytes, path: bytes, kind: FlowKind) -> None:
    data = line + b"\r\nHost: a.test\r\n\r\n"
    flow, notes = read_one(archive({"raw/1_c.txt": data}), Format.SAZ)
    assert flow.request is not None
    assert (flow.request.path, flow.request.host, flow.kind) == (path, "a.test", kind)
    assert notes == []


def test_what_is_odd_is_noted() -> None:
    files = {"raw/1_c.txt": GET + b"x", "raw/1_s.txt": b"?", "raw/1_m.xml": b"<Session>"}
    flow, notes = read_one(archive(files), Format.SAZ)
    assert flow.request is not None
    assert [note.partition(":")[0] for note in notes] == [
        "times and flags were left out",
        "1 bytes follow where its fields say that the request ends",
        "the recorded response was left out",
    ]
    _, notes = read_one(archive({"raw/1_s.txt": OK, "raw/2_c.txt": GET}), Format.SAZ)
    assert notes == ["session 1 has no request and was left out"]


def test_messages_of_a_websocket_make_one() -> None:
    flow, _ = read_one(archive({"raw/1_c.txt": GET, "raw/1_w.txt": b""}), Format.SAZ)
    assert flow.kind is FlowKind.WEBSOCKET


def test_an_archive_of_something_else_is_said_so() -> None:
    for other in ({"a.txt": b"x"}, {"raw/1_s.txt": OK}, {}):
        with pytest.raises(ReplaydError, match="not one of Fiddler's") as caught:
            read(archive(other), Format.SAZ)
        assert caught.value.reason is Reason.UNKNOWN_FORMAT


def damage_of(data: bytes) -> str:
    with pytest.raises(CaptureError) as caught:
        read(data, Format.SAZ)
    assert caught.value.reason is Reason.DAMAGED_CAPTURE
    return caught.value.message


def test_a_session_that_is_damaged_costs_only_itself_when_salvaged() -> None:
    files = {f"raw/{n}_c.txt": GET + b"z" * n for n in (1, 2, 3)}
    data = archive(files, zipfile.ZIP_STORED)
    at = data.index(b"zz")
    broken = data[:at] + b"y" + data[at + 1 :]
    assert "session 2: raw/2_c.txt is damaged (Bad CRC-32" in damage_of(broken)
    kinds = [type(each) for each in read(broken, Format.SAZ, salvage=True)]
    assert kinds == [Flow, DamagedFlow, Flow]
    assert "its directory can't be read" in damage_of(data[:-30])


@pytest.mark.parametrize(
    ("offset", "value", "said"),
    [
        (8, 1, "is protected by a password"),
        (10, 12, "is packed in a way that is not read"),
    ],
)
def test_other_ways_of_packing_are_said(offset: int, value: int, said: str) -> None:
    data = bytearray(archive({"raw/1_c.txt": GET}))
    data[data.index(b"PK\x01\x02") + offset] = value
    assert said in damage_of(bytes(data))


def test_bombs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saz, "MAX_MESSAGE", 1000)
    monkeypatch.setattr(saz, "MIN_BUDGET", 0)
    monkeypatch.setattr(saz, "MAX_RATIO", 3)
    large = archive({"raw/1_c.txt": GET + bytes(2000)})
    assert "raw/1_c.txt is larger than 1000 bytes" in damage_of(large)
    many = archive({f"raw/{n}_c.txt": GET + bytes(900) for n in range(5)})
    assert "unpacks to more than 3 times its size" in damage_of(many)
    monkeypatch.setattr(saz, "MAX_ARCHIVE", 100)
    assert "larger than 100 bytes; split it" in damage_of(many)


PIECES = archive(
    {"raw/1_c.txt": GET, "raw/1_s.txt": OK, "raw/1_m.xml": details(), "raw/2_c.txt": GET}
)


@settings(max_examples=300, deadline=None)
@given(damaged(PIECES, b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff", b"raw/"))
def test_only_capture_errors_whatever_is_damaged(data: bytes) -> None:
    check_damage(data, Format.SAZ)


def test_a_session_that_waits_takes_next_to_nothing() -> None:
    data = archive({f"raw/{n}_{letter}.txt": GET for n in range(1500) for letter in "cs"})
    tracemalloc.start()
    try:
        found = sum(1 for _ in read_capture(io.BytesIO(data), format=Format.SAZ, spool=a_file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 3000  # half of them are notes: a request is no response
    assert peak < 1 << 20

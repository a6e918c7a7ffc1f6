"""Flows that are laid out alike are read as if each were the only one of its dump."""

import functools
import io
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayd.formats.mitmproxy import read_dump
from replayd.formats.mitmproxy_alike import MAX_LAYOUTS, MAX_MISSES, AlikeFlows
from replayd.formats.tnetstring import Record
from replayd.model.flow import Flow, Found
from tests.support.tnetstring import connection, dumps, request, response, state

CAPTURES = sorted((Path(__file__).parents[1] / "data/captures").glob("*.mitm"))

CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda flow: flow.update(id=""),
    lambda flow: flow.update(id="x" * 201),
    lambda flow: flow.update(timestamp_created=float("nan")),
    lambda flow: flow.update(comment="said", marked=":x:", metadata={"a": {}}),
    lambda flow: flow.update(backup={"version": 21}, intercepted=True),
    lambda flow: flow.update(error={"msg": "gone", "timestamp": 1.5}, response=None),
    lambda flow: flow.update(version=20),
    lambda flow: flow.update(type="tcp"),
    lambda flow: flow.update(unknown=1),
    lambda flow: flow["client_conn"].update(id="another"),
    lambda flow: flow["client_conn"].update(id=""),
    lambda flow: flow["client_conn"].update(id="", timestamp_start=2.5),
    lambda flow: flow["client_conn"].update(sni="c.test", proxy_mode="reverse:x"),
    lambda flow: flow["client_conn"].update(sni="d.test", peername=["::1", 1, 0, 0]),
    lambda flow: flow["client_conn"].update(sockname=[[["deep"]]]),
    lambda flow: flow["client_conn"].update(timestamp_end=float("inf")),
    lambda flow: flow["server_conn"].update(sni="s.test", tls=True, cipher="C"),
    lambda flow: flow["server_conn"].update(sni="t.test", certificate_list=[b"c"]),
    lambda flow: flow["server_conn"].update(sni=""),
    lambda flow: flow["server_conn"].pop("sni"),
    lambda flow: flow["request"].update(path=b"/other?a=b", host="b.test", port=443),
    lambda flow: flow["request"].update(port=1 << 31),
    lambda flow: flow["request"].update(method=b"POST", content=b"12:x,]}"),
    lambda flow: flow["request"].update(content=None, authority=b"a"),
    lambda flow: flow["request"].update(headers=[[b"A", b"1"], [b"B", b""]]),
    lambda flow: flow["request"].update(headers=[[b"A", "text"]]),
    lambda flow: flow["request"].update(timestamp_start=-1.0, timestamp_end=3.5),
    lambda flow: flow["request"].update(path="text", trailers=[[b"T", b"1"]]),
    lambda flow: flow["response"].update(status_code=404, reason=b"Not Found", content=b""),
    lambda flow: flow["response"].update(status_code=True, timestamp_end=None),
    lambda flow: flow.update(response=None),
    lambda flow: flow.update(request=None),
]


def read_both_ways(data: bytes) -> tuple[list[Found], list[Found], int]:
    """Reads a dump, reads it flow by flow, and counts the flows that were like others."""
    seen: list[Flow] = []
    read = AlikeFlows.read

    def counted(self: AlikeFlows, record: Record) -> Flow | None:
        flow = read(self, record)
        seen.extend([flow] if flow else [])
        return flow

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AlikeFlows, "read", counted)
        found = list(read_dump(io.BytesIO(data)))
        patch.setattr(AlikeFlows, "read", lambda *_: None)
        return found, list(read_dump(io.BytesIO(data))), len(seen)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    parts = {"client_conn": connection(mitmcert=None, proxy_mode="regular")}
    flow = state(**parts, request=request(), response=response())
    change(flow)
    return flow


@settings(max_examples=100)
@given(st.lists(st.sampled_from(CHANGES), min_size=2, max_size=12))
def test_flows_are_read_as_each_would_be_alone(
    changes: list[Callable[[dict[str, Any]], object]],
) -> None:
    found, alone, _ = read_both_ways(b"".join(dumps(changed(change)) for change in changes))
    assert found == alone


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
def test_a_flow_among_plain_ones_is_read_as_it_would_be_alone(change: Any) -> None:
    plain = dumps(changed(lambda _: None))
    odd = dumps(changed(change))
    found, alone, alike = read_both_ways(plain + odd + plain + odd + odd + plain)
    assert found == alone
    assert alike >= 2


@pytest.mark.parametrize("tag", [b"]", b",", b"~", b"\n", b"Z"])
def test_a_record_that_is_no_dictionary_is_judged_as_it_would_be_alone(tag: bytes) -> None:
    plain = dumps(changed(lambda _: None))
    found, alone, alike = read_both_ways(3 * plain + plain[:-1] + tag + plain)
    assert found == alone
    assert not all(isinstance(each, Flow) for each in found)
    assert alike >= 2


def set_in(part: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda flow: flow[part].update(values)


def twice(first: bytes) -> Callable[[dict[str, Any]], object]:
    """A path that is there twice; mitmproxy takes the last one."""
    return lambda flow: flow["request"].update({"path": first, b"path": "/last"})


DEEP = functools.reduce(lambda inner, _: [inner], range(14), b"x")


@pytest.mark.parametrize(
    "changes",
    [
        [set_in("request", port=port) for port in (1, 2, 3, 1 << 31)],
        [set_in("response", status_code=status) for status in (1, 2, 3, -(1 << 31))],
        [set_in("client_conn", sockname=["::1", port]) for port in (1, 2, 3)]
        + [set_in("client_conn", sockname=[DEEP])],
        [set_in("client_conn", sni="c.test", proxy_mode=mode) for mode in ("a", "reverse:b") * 3],
        [set_in("client_conn", sni=f"{name}.test") for name in range(4)],
        [set_in("server_conn", sni=name) for name in ("a", "b", "c", "", "d")],
        [set_in("server_conn", sni=name) for name in (b"a", b"b", b"c")],
        [set_in("client_conn", id=name) for name in (b"a", b"b", b"c")],
        [twice(path) for path in (b"/last", b"/1", b"/last", b"/2")],
    ],
    ids=[
        "port",
        "status",
        "address",
        "mode",
        "client's name",
        "server's name",
        "octets",
        "id",
        "key twice",
    ],
)
def test_what_differs_is_read_as_in_a_flow_alone(changes: list[Any]) -> None:
    found, alone, _ = read_both_ways(b"".join(dumps(changed(change)) for change in changes))
    assert found == alone


def test_what_differs_is_learned() -> None:
    def hosts(index: int) -> Callable[[dict[str, Any]], object]:
        return lambda flow: flow["request"].update(host=f"{index}.test", port=1000 + index)

    found, alone, alike = read_both_ways(b"".join(dumps(changed(hosts(i))) for i in range(20)))
    assert found == alone
    assert alike == 18


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_captures_and_damaged_ones_are_read_alike(path: Path) -> None:
    data = path.read_bytes()
    found, alone, alike = read_both_ways(data)
    assert found == alone
    if path.stem in ("rec-basic", "rec-chromium"):
        assert alike > 0.7 * len(found)
    dice = random.Random(path.stem)
    for _ in range(4 if len(data) < 200_000 else 0):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 5)):
            position = dice.randrange(len(damaged) + 1)
            damaged[position : position + 1] = b"%d" % dice.randrange(10)
        found, alone, _ = read_both_ways(bytes(damaged))
        assert found == alone


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[AlikeFlows]:
    """All that are made."""
    made: list[AlikeFlows] = []
    init = AlikeFlows.__init__

    def noted(self: AlikeFlows, *arguments: Any) -> None:
        init(self, *arguments)
        made.append(self)

    monkeypatch.setattr(AlikeFlows, "__init__", noted)
    return made


def test_no_content_is_kept(made: list[AlikeFlows]) -> None:
    content = b"x" * (1 << 20)
    plain = changed(set_in("request", content=content, headers=[[b"A", content]]))
    plain["response"]["content"] = content
    found = list(read_dump(io.BytesIO(dumps(plain) * 2)))
    assert len(set(found)) == 1
    [known] = made[0]._known
    assert len(pickle.dumps((known.flow, known.layout.fixed))) < 4096


def test_layouts_are_few_and_nobody_looks_for_ever(made: list[AlikeFlows]) -> None:
    data = b"".join(
        dumps(changed(lambda flow, i=i: flow.update(comment=f"{i}"))) for i in range(MAX_MISSES + 9)
    )
    flows = iter(read_dump(io.BytesIO(data)))
    for _ in range(MAX_MISSES - 1):
        next(flows)
    assert len(made[0]._known) == MAX_LAYOUTS
    assert len(list(flows)) == 10
    assert not made[0]._known

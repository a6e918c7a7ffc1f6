import pytest

from benchmarks import contenders
from benchmarks.contenders import BARE_LOOP, BESIDE, GOREPLAY, MITMPROXY, available
from benchmarks.peers import PEERS
from benchmarks.workloads import ALL, SLOW_20


def test_every_compared_workload_has_the_bare_loop_or_a_peer() -> None:
    assert all(BESIDE.values())
    assert set(ALL) - set(BESIDE) == {SLOW_20}


def test_contenders_are_all_known() -> None:
    known = {MITMPROXY, BARE_LOOP, *GOREPLAY, *PEERS}
    assert {name for beside in BESIDE.values() for name in beside} == known


def test_without_any_program_only_the_bare_loop_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(contenders.mitmproxy, "mitmdump", lambda: None)
    names = {MITMPROXY, BARE_LOOP, *GOREPLAY, *PEERS}
    assert {name for name in names if available(name)} == {BARE_LOOP}

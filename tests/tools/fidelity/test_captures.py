from pathlib import Path

import pytest

from replayd.model.flow import Flow
from tests.support.captures import CAPTURES, FOLDER
from tools.fidelity.captures import find, flows_of, kind_of


def test_captures_are_found_without_what_stands_beside_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    names = ["a.mitm", "sub/b.har", "sub/c.json", "flows"]
    beside = ["a.json", "sub/b.har.json", "README.md", ".hidden"]
    for name in [*names, *beside]:
        (tmp_path / name).touch()
    assert find(tmp_path) == sorted(tmp_path / name for name in names)
    assert find(tmp_path / "a.mitm") == [tmp_path / "a.mitm"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rec-basic.mitm", "mitmproxy"),
        ("har/mitmproxy-with-bom.har", "HAR"),
        ("har/mitmproxy-compressed.zhar", "HAR"),
        ("goreplay/gor-odd-tracked.gor", "GoReplay"),
    ],
)
def test_kinds_are_told_by_first_bytes_or_names(name: str, kind: str) -> None:
    path = FOLDER / name
    assert kind_of(path, path.read_bytes()) == kind


def test_what_is_neither_is_told_by_its_name(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "x.gor.gz", b"\x1f\x8b") == "GoReplay"
    assert kind_of(tmp_path / "flows", b"\x1f\x8b") == "other"
    assert kind_of(tmp_path / "flows", b"12:") == "mitmproxy"


def test_a_capture_that_cannot_be_read_has_no_flows() -> None:
    assert flows_of(CAPTURES["mut-no-version"].data) == []
    [*flows] = flows_of(CAPTURES["mut-unknown-key"].data)
    assert len(flows) == 3
    assert all(isinstance(flow, Flow) for flow in flows)

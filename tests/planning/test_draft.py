"""Drafts: fields by name, as a lenient server would see them."""

import pytest

from replayd.model.flow import Request
from replayd.model.plan import Change, ChangeKind
from replayd.planning.draft import Draft, is_field


@pytest.mark.parametrize("name", [b"cookie", b"Cookie", b"COOKIE ", b"\tcookie", b"cookie\r"])
def test_a_name_is_known_whatever_its_case_and_space(name: bytes) -> None:
    assert is_field(name, b"cookie")


@pytest.mark.parametrize("name", [b"", b"cookie2", b"x-cookie", b"coo kie", b"set-cookie"])
def test_other_names_are_others(name: bytes) -> None:
    assert not is_field(name, b"cookie")


def test_a_draft_begins_as_captured_and_leaves_the_capture_alone() -> None:
    headers = ((b"A", b"1"), (b"b", b"2"), (b"a", b"3"))
    request = Request(
        b"GET", b"http", "h", 80, b"/", http_version=b"HTTP/1.0", headers=headers, trailers=headers
    )
    draft = Draft(request)
    assert (draft.version, draft.fields, draft.trailers) == (b"HTTP/1.0", headers, headers)
    assert draft.values(b"a") == [b"1", b"3"]
    draft.remove(b"a")
    draft.change(ChangeKind.FIELD_REMOVED, "a removed")
    assert draft.fields == [(b"b", b"2")]
    assert draft.changes == [Change(ChangeKind.FIELD_REMOVED, "a removed")]
    assert request.headers == headers


def test_what_is_dropped_is_named() -> None:
    headers = ((b"A", b"1"), (b"Host", b"h1"), (b"a", b"2"), (b"host ", b"h2"))
    draft = Draft(Request(b"GET", b"http", "h", 80, b"/", headers=headers))
    draft.drop(lambda name, value: name == b"a" and value == b"2")
    draft.drop_hosts()
    assert draft.fields == [(b"A", b"1")]
    assert [change.description for change in draft.changes] == [
        "a removed",
        "Host: h1 removed, :authority stands for it",
        "Host: h2 removed, :authority stands for it",
    ]


def test_what_planning_adds_is_found_like_what_was_captured() -> None:
    draft = Draft(Request(b"GET", b"http", "h", 80, b"/", headers=((b"A", b"1"),)))
    assert draft.values(b"host") == draft.values(b"b") == []
    draft.add(b"B", b"2")
    draft.insert(0, b"Host ", b"h")
    assert draft.fields == [(b"Host ", b"h"), (b"A", b"1"), (b"B", b"2")]
    assert (draft.values(b"host"), draft.values(b"b")) == ([b"h"], [b"2"])
    draft.remove(b"host")
    assert draft.values(b"host") == []
    assert draft.fields == [(b"A", b"1"), (b"B", b"2")]

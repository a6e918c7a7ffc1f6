"""Edits change what they name and nothing else; a step works on copies."""

import copy
from typing import Any

import pytest

from replayd.formats.mitmproxy_edits import Edit, add, make_step, make_text, remove, rename


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        (rename(a="b", c="d"), {b"a": 1, b"x": 2}, {b"b": 1, b"x": 2}),
        (rename(a="b"), {b"a": None}, {b"b": None}),
        (rename(a="b", b="c"), {b"a": 1, b"b": 2}, {b"c": 1}),
        (remove("a", "b"), {b"a": 1, b"x": 2}, {b"x": 2}),
        (add(a=1, b=None), {b"a": 0}, {b"a": 0, b"b": None}),
        (make_text("a"), {b"a": "caf\u00e9".encode()}, {b"a": "caf\u00e9"}),
        (make_text("a"), {b"a": b"caf\xe9"}, {b"a": "caf\\xe9"}),
        (make_text("a"), {b"a": None, b"b": b"x"}, {b"a": None, b"b": b"x"}),
        (make_text("a"), {}, {}),
    ],
)
def test_edits(edit: Edit, before: dict[bytes, Any], after: dict[bytes, Any]) -> None:
    edit(before)
    assert before == after


PARTS = ("client_conn", "server_conn", "request", "response", "error")


def test_a_step_changes_copies() -> None:
    edits = (add(new=1),)
    step = make_step(
        5, flow=edits, client=edits, server=edits, request=edits, response=edits, error=edits
    )
    before: dict[bytes, Any] = {b"version": 4, **{part.encode(): {b"x": 0} for part in PARTS}}
    kept = copy.deepcopy(before)
    after = step(before)
    assert before == kept
    changed = {part.encode(): {b"x": 0, b"new": 1} for part in PARTS}
    assert after == {b"version": 5, b"new": 1, **changed}


def test_a_step_leaves_alone_what_is_no_part() -> None:
    step = make_step((0, 12), request=(add(new=1),), response=(add(new=1),))
    found = step({b"version": (0, 11), b"request": None, b"error": {}})
    assert found == {b"version": (0, 12), b"request": None, b"error": {}}
    assert step({b"response": b"x"}) == {b"version": (0, 12), b"response": b"x"}


def test_a_flow_is_edited_after_its_parts() -> None:
    def gather(flow: dict[bytes, Any]) -> None:
        flow[b"seen"] = flow[b"request"][b"new"]

    step = make_step(5, flow=(gather,), request=(add(new=1),))
    assert step({b"request": {}})[b"seen"] == 1

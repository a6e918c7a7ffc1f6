"""Options out of range are named; the others pass."""

import pytest
from flowreplay.v1 import plan_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.intake.decode import _FORMATS
from replayd.intake.options import (
    MAX_FILTER,
    MAX_HOST,
    MAX_SOURCE,
    MAX_SOURCES,
    MAX_TEXT,
    asks_for_rewriting,
    check_options,
    filter_of,
    settle_owner,
    terms_of,
)
from replayd.model.batch import Controls, Terms
from replayd.model.replay import MAX_REPEATS, OnInterrupt

RULE = {"dial_host": "h", "dial_port": 1}


def options(**values: object) -> replay_pb2.EnqueueOptions:
    return replay_pb2.EnqueueOptions(**values)  # type: ignore[arg-type]


def test_what_is_in_range_passes() -> None:
    check_options(options())
    rule = replay_pb2.ConnectTo(scheme="https", host="h" * MAX_HOST, port=65535, **RULE)
    check_options(options(request_id="x" * MAX_TEXT, label="x" * MAX_TEXT, connect_to=[rule]))
    for known in replay_pb2.CaptureFormat.values():
        check_options(options(format=known))
    for version in replay_pb2.HttpVersion.values():
        check_options(options(http_version=version))
    for pace in plan_pb2.WebSocketPace.values():
        check_options(options(websocket_pace=pace, refuse_websocket=True))
    for policy in replay_pb2.OnInterrupt.values():
        check_options(options(on_interrupt=policy))
    for scope in replay_pb2.LiveScope.values():
        check_options(options(live_scope=scope, sticky_cookies=True))
    check_options(options(carry=["x" * MAX_SOURCE] * MAX_SOURCES))
    assert filter_of(options(filter="~u " + "x" * (MAX_FILTER - 3)))


def test_expressions_are_left_to_who_takes_the_flows_in() -> None:
    """To compile these takes seconds, which is none of the daemon's business."""
    slow = "[\x01-\uffff]"
    check_options(options(filter="~u " + slow * 300, ignored_differences=["body:(" + slow * 90]))


def test_every_format_of_the_contract_is_read() -> None:
    assert _FORMATS.keys() == set(replay_pb2.CaptureFormat.values())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"request_id": "x" * (MAX_TEXT + 1)}, "options.request_id"),
        ({"label": "x" * (MAX_TEXT + 1)}, "options.label"),
        ({"format": 99}, "options.format"),
        ({"live_scope": 99}, "options.live_scope"),
        ({"live_scope": replay_pb2.LIVE_SCOPE_SESSION}, "options.live_scope"),
        ({"carry": [""] * (MAX_SOURCES + 1)}, "options.carry"),
        ({"carry": ["x" * (MAX_SOURCE + 1)]}, "options.carry"),
        ({"http_version": 5}, "options.http_version"),
        ({"websocket_pace": 3}, "options.websocket_pace"),
        ({"on_interrupt": 5}, "options.on_interrupt"),
        ({"pace": {"rate": -1}}, "options.pace.rate"),
        ({"repeat_count": -1}, "options.repeat_count"),
        ({"repeat_count": MAX_REPEATS + 1}, "options.repeat_count"),
        ({"repeat_count": 2, "stream": True}, "options.stream"),
        ({"window_end_duration": {"seconds": -1}}, "options.window_end_duration"),
        ({"priority": 1001}, "options.priority"),
        ({"priority": -1001}, "options.priority"),
        ({"owner": "x" * (MAX_TEXT + 1)}, "options.owner"),
        ({"connect_to": [RULE, {}]}, "options.connect_to[1]"),
        ({"connect_to": [{**RULE, "dial_port": 65536}]}, "options.connect_to[0]"),
        ({"connect_to": [{**RULE, "scheme": "ftp"}]}, "options.connect_to[0]"),
        ({"connect_to": [{**RULE, "host": "h" * (MAX_HOST + 1)}]}, "options.connect_to[0]"),
    ],
)
def test_what_is_not_is_named(values: dict[str, object], field: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        check_options(options(**values))
    assert caught.value.metadata == {"field": field}


def test_what_is_wrong_with_a_filter_has_its_place() -> None:
    with pytest.raises(ReplaydError) as caught:
        filter_of(options(filter="~m POST & ~zz"))
    assert caught.value.message.startswith("options.filter can't be read: there is no ~zz")
    assert caught.value.metadata["position"] == "10"


def test_a_filter_has_an_end() -> None:
    with pytest.raises(ReplaydError, match="at most"):
        filter_of(options(filter="~u " + "x" * MAX_FILTER))


def test_without_a_filter_all_flows_are_taken() -> None:
    assert filter_of(options()) is None


def test_what_a_batch_runs_under_is_kept_without_what_is_used_up() -> None:
    given = options(label="mine", filter="~m GET", request_id="r", on_interrupt=3, stream=True)
    kept = options(on_interrupt=3).SerializeToString()
    assert terms_of(given) == Terms("mine", OnInterrupt.PARK, kept)


@pytest.mark.parametrize(
    "values",
    [
        *({"target": "http://h"}, {"host": "h"}, {"server_name": "h"}, {"remove_headers": [b"a"]}),
        *({name: [{}]} for name in ("modify_headers", "map_remote", "modify_body", "set_headers")),
        *({name: [{}]} for name in ("set_query", "set_cookies")),
    ],
)
def test_what_is_rewritten_is_used_up(values: dict[str, object]) -> None:
    asked = options(**values)
    assert asks_for_rewriting(asked)
    assert not terms_of(asked).options
    assert not asks_for_rewriting(options(raw=True, filter="~q"))


def test_controls_are_kept_apart_from_what_never_changes() -> None:
    given = options(priority=-7, paused=True, owner="me")
    assert terms_of(given) == Terms(controls=Controls(True, -7, owner="me"))


def test_of_who_is_known_the_batch_is_his() -> None:
    given = options()
    settle_owner(given, "ci")
    settle_owner(given, "ci")
    assert given.owner == "ci"
    settle_owner(given, "")
    assert given.owner == "ci"
    with pytest.raises(ReplaydError) as caught:
        settle_owner(given, "alice")
    assert caught.value.metadata == {"field": "options.owner"}

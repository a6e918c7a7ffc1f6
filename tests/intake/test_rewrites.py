"""Options become rules; what is wrong with them is named, with its place."""

import pytest
from flowreplay.v1 import replay_pb2

from replayd.errors import ReplaydError
from replayd.intake.rewrites import (
    MAX_EXPRESSION,
    MAX_HOST,
    MAX_REPLACEMENT,
    MAX_RULES,
    MAX_URL,
    MAX_VALUE,
    Rewrites,
)
from replayd.planning.refusal import Refusal
from replayd.reasons import Reason
from tests.rewriting.rewriting import flow

PAIR = {"name": b"a", "value": b"b"}


def made(**values: object) -> Rewrites:
    return Rewrites(replay_pb2.EnqueueOptions(**values), 1000)  # type: ignore[arg-type]


def test_options_become_rules() -> None:
    rewrites = made(
        target="https://staging.test/v2",
        modify_headers=[{"filter": "~m GET", "name": b"X-M", "value": b"1"}],
        map_remote=[{"url_regex": "/a", "replacement": "/b"}],
        modify_body=[{"regex": b"c", "replacement": b"d"}],
        set_headers=[{"name": b"X-S", "value": b"1"}],
        remove_headers=[b"X-R"],
        set_query=[{"name": b"q", "value": b"1"}],
        set_cookies=[{"name": b"k", "value": b"1"}],
        host="host.test",
        server_name="tls.test",
    )
    found = rewrites.of(
        flow(path=b"/a", content=b"c", headers=((b"Host", b"shop.test"), (b"X-R", b"")))
    )
    assert not isinstance(found, Refusal)
    changed, changes = found
    assert len(changes) == 9
    request = changed.request
    assert request is not None
    assert (changed.server_name, request.path, request.content) == ("tls.test", b"/v2/b?q=1", b"d")
    names = [b"Host", b"X-M", b"X-S", b"Cookie"]
    assert request.headers == tuple(zip(names, (b"host.test", b"1", b"1", b"k=1"), strict=True))


def test_what_can_not_be_done_is_a_refusal_of_a_flow_that_is_fit() -> None:
    rewrites = made(modify_body=[{"regex": b"c", "replacement": b"d"}])
    packed = flow(content=b"c", headers=((b"Content-Encoding", b"br"),))
    found = rewrites.of(packed)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.REWRITE_FAILED
    live = packed._replace(live=True)
    assert rewrites.of(live) == (live, ())


@pytest.mark.parametrize(
    ("values", "field", "position"),
    [
        ({"target": "x"}, "target", None),
        ({"target": "http://h/" + "x" * MAX_URL}, "target", None),
        ({"host": "h" * (MAX_HOST + 1)}, "host", None),
        ({"server_name": "h" * (MAX_HOST + 1)}, "server_name", None),
        ({"server_name": "a/b"}, "server_name", None),
        ({"remove_headers": [b"a", b""]}, "remove_headers[1].name", None),
        ({"set_headers": [{"name": b":path"}]}, "set_headers[0].name", None),
        ({"set_query": [{"value": b"x"}]}, "set_query[0].name", None),
        ({"set_cookies": [PAIR, {"name": b"a;"}]}, "set_cookies[1].name", None),
        ({"set_cookies": [{"name": b"a", "value": b"\r"}]}, "set_cookies[0].value", None),
        (
            {"set_headers": [{"name": b"a", "value": b"x" * (MAX_VALUE + 1)}]},
            "set_headers[0].value",
            None,
        ),
        ({"set_headers": [PAIR] * (MAX_RULES + 1)}, "set_headers", None),
        ({"modify_headers": [{"filter": "(", "name": b"a"}]}, "modify_headers[0].filter", 1),
        ({"map_remote": [{"url_regex": "a(", "replacement": ""}]}, "map_remote[0].url_regex", 1),
        (
            {"map_remote": [{"url_regex": "x" * (MAX_EXPRESSION + 1)}]},
            "map_remote[0].url_regex",
            None,
        ),
        ({"map_remote": [{"replacement": "\\1"}]}, "map_remote[0].replacement", 1),
        ({"modify_body": [{"regex": b"*"}]}, "modify_body[0].regex", 0),
        ({"modify_body": [{"filter": "x" * (MAX_EXPRESSION + 1)}]}, "modify_body[0].filter", None),
        (
            {"modify_body": [{"replacement": b"x" * (MAX_REPLACEMENT + 1)}]},
            "modify_body[0].replacement",
            None,
        ),
    ],
)
def test_what_is_wrong_is_named(
    values: dict[str, object], field: str, position: int | None
) -> None:
    with pytest.raises(ReplaydError) as caught:
        made(**values)
    expected = {"field": f"options.{field}"}
    if position is not None:
        expected["position"] = str(position)
    assert caught.value.metadata == expected
    assert caught.value.message.startswith(f"options.{field} ")

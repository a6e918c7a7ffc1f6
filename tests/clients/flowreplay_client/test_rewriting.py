"""Rules are read as mitmproxy reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flowreplay.v1.flow_pb2 import Header
from flowreplay.v1.replay_pb2 import (
    EnqueueOptions,
    MapRemote,
    ModifyBody,
    ModifyHeaders,
    Parameter,
)
from flowreplay_client.rewriting import (
    fill_rewriting,
    parse_map_remote,
    parse_modify_body,
    parse_modify_headers,
    parse_parameter,
    parse_set_header,
)


def test_the_first_character_parts_a_rule() -> None:
    assert parse_map_remote("|a/b|c") == MapRemote(url_regex="a/b", replacement="c")
    assert parse_map_remote("#~m GET#a#b#c") == MapRemote(
        filter="~m GET", url_regex="a", replacement="b#c"
    )
    assert parse_modify_headers("/X//") == ModifyHeaders(filter="X", name=b"", value=b"")
    assert parse_modify_headers("/X/") == ModifyHeaders(name=b"X", value=b"")


def test_escapes_are_python_s_but_in_urls() -> None:
    assert parse_map_remote(r"|\.(a)|\1\n").replacement == r"\1\n"
    assert parse_map_remote(r"|\.(a)|\1\n").url_regex == r"\.(a)"
    rule = parse_modify_body("/\\x41\\d\\\\d\\101\\777/\\n\\t\\'\\\"\\q\u20ac\\\n.")
    assert rule.regex == b"A\\d\\dA\xff"
    assert rule.replacement == b"\n\t'\"\\q\xe2\x82\xac."
    assert parse_modify_headers(r"/X\x2dA/\a\b\f\v\r").name == b"X-A"


def test_a_file_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "value"
    file.write_bytes(b"a\\n\xff\r\n")
    assert parse_modify_body(f"|x|@{file}") == ModifyBody(regex=b"x", replacement=b"a\\n\xff\r\n")
    assert parse_modify_headers(f"|X|@{file}").value == b"a\\n\xff"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_modify_body("|x|@~/value").replacement == b"a\\n\xff\r\n"


@pytest.mark.parametrize(
    ("parse", "text", "wrong"),
    [
        (parse_map_remote, "", "it has 1 of two or three parts"),
        (parse_map_remote, "|a", r"not \[|flow-filter\]"),
        (parse_modify_body, "|a|@/no/such", "/no/such can't be read: No such file"),
        (parse_modify_headers, "X", r"\[@\]value"),
        (parse_set_header, "no colon", "'Name: value'"),
        (parse_set_header, ": v", "'Name: value'"),
        (parse_parameter, "no equals", "name=value"),
        (parse_parameter, "=v", "name=value"),
    ],
)
def test_what_is_no_rule_is_told(parse: Callable[[str], object], text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        parse(text)


def test_fields_and_parameters() -> None:
    assert parse_set_header("X-A:  b: c ") == Header(name=b"X-A", value=b"b: c")
    assert parse_parameter("a=b=ä") == Parameter(name=b"a", value="b=ä".encode())


def test_settings_become_options() -> None:
    filled = EnqueueOptions()
    fill_rewriting(
        filled,
        {
            "target": "http://h",
            "modify_headers": ["/A/1"],
            "map_remote": ["|a|b", MapRemote(url_regex="c")],
            "modify_body": ["/a/b"],
            "set_headers": ["A: 1"],
            "remove_headers": ["B", b"C"],
            "set_query": ["q=1"],
            "set_cookies": ["c=1"],
            "host": "o",
            "server_name": "s",
        },
    )
    assert filled == EnqueueOptions(
        target="http://h",
        modify_headers=[ModifyHeaders(name=b"A", value=b"1")],
        map_remote=[MapRemote(url_regex="a", replacement="b"), MapRemote(url_regex="c")],
        modify_body=[ModifyBody(regex=b"a", replacement=b"b")],
        set_headers=[Header(name=b"A", value=b"1")],
        remove_headers=[b"B", b"C"],
        set_query=[Parameter(name=b"q", value=b"1")],
        set_cookies=[Parameter(name=b"c", value=b"1")],
        host="o",
        server_name="s",
    )
    fill_rewriting(nothing := EnqueueOptions(), {})
    assert nothing == EnqueueOptions()

"""Filters find what mitmproxy's own find, in every capture that mitmproxy reads."""

import json
import os
import subprocess

from replayd.filters import FilterError, Subject, compile_filter
from replayd.model.flow import Flow
from tests.support.captures import FOLDER, flows_of
from tests.support.processes import DEADLINE
from tests.support.programs import ROOT, find

# Not that of an old WebSocket: mitmproxy fails on its messages, which it makes text.
NAMES = (
    "m2s-form_data_flows",
    "m2s-test_flows",
    "mitmproxy-dumpfile-7",
    "mitmproxy-dumpfile-10",
    "mitmproxy-error_log",
    "mitmproxy-event_stream",
    "mitmproxy-successful_log",
    "mitmproxy-websocket",
)

FILTERS = [
    *("~a", "~all", "~e", "~http", "~q", "~s", "~websocket", "~tcp", "~udp", "~dns", "~marked"),
    *("~m GET", "~m get", "~m ^p", "~m 'GET|POST'", "~c 200", "~c 404", "~c 101"),
    *("~d example", "~d '\\\\.com$'", "~u https", "~u '^http://'", "api", "'a b'", "~u \\."),
    *("~h accept", "~hq ^host:", "~hs 'server: .*'", "~hs '^date'", "~h 'gzip\\r$'", "~h ^x-"),
    *("~t json", "~tq form", "~ts 'text/(html|plain)'", "~b a", "~bq .", "~bs 'html|json'"),
    *("~b '^\\\\{'", "~bq =", "~bs hello", "~comment .", "~comment x", "~marker .", "~b \\x00"),
    *("! ~m GET", "!~m GET", "!!~m GET", "~m GET & ~c 200", "~m GET | ~m POST", "~m GET ~c 200"),
    *("~m GET | ~m POST & ~c 200", "~m POST ~u a | ~u b", "! (~m GET | ~c 200) & ~s"),
    *("!~m GET & !~c 200", "~u a&b", "~u a|b", "! ~m GET ~s", "(~m GET)", '~u "a\\"b"', '"\\t"'),
    *("~m", "~c x", "(~m GET", "~m GET)", "~zz", "", "~u 'a", "~u '['", "~m ()"),
]


def ours(expression: str, flows: list[Flow]) -> list[int] | None:
    try:
        matches = compile_filter(expression)
    except FilterError:
        return None
    return [index for index, each in enumerate(flows) if matches(Subject(each))]


def test_they_find_what_mitmproxy_finds() -> None:
    captures = [str(FOLDER / f"{name}.mitm") for name in NAMES]
    witness = ROOT / "tests" / "support" / "mitmproxy_filters.py"
    said = subprocess.run(
        [find("mitmdump"), "-nqs", witness],
        env={**os.environ, "CAPTURES": json.dumps(captures), "FILTERS": json.dumps(FILTERS)},
        stdout=subprocess.PIPE,
        timeout=DEADLINE,
        check=True,
    ).stdout
    theirs = json.loads(said)
    for capture in captures:
        with open(capture, "rb") as file:  # noqa: PTH123
            flows = flows_of(file)
        assert {each: ours(each, flows) for each in FILTERS} == theirs[capture], capture
    # Each is worth its place: it finds some and leaves some, somewhere.
    everything = [found for each in theirs.values() for found in each["~all"] or []]
    assert len(everything) > 10

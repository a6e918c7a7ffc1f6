"""What inputs are made from: the tests' captures, cut into small ones, and made ones.

Short seeds make many inputs a second, so each real capture gives its shortest flows, and
of every version and kind some. The few longer ones are whole captures.
"""

import base64
import io
import json
import re
import zipfile
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, cast

from replayd.formats.goreplay.records import SEPARATOR
from replayd.formats.tnetstring import Records, TnetstringError
from replayd.formats.tnetstring_parser import Parser, Value
from tools.fuzz.trees import Tree

CAPTURES = Path(__file__).parents[2] / "tests" / "data" / "captures"

_PER_KIND = 3
"""Seeds of each version and kind, or of each file: its shortest flows."""

_LONG = 40 << 10
"""Bytes of a longer seed, at most."""


@cache
def flows() -> list[Tree]:
    """The states of mitmproxy's flows: of each version and kind the shortest."""
    found: dict[tuple[str, str], list[tuple[int, Tree]]] = defaultdict(list)
    for path in sorted(CAPTURES.glob("*.mitm")):
        try:
            for record in Records(io.BytesIO(path.read_bytes())):
                tree = _tree(Parser().parse(record))
                if isinstance(tree, dict):
                    kind = (str(tree.get("version")), str(tree.get("type")))
                    found[kind].append((len(record.payload), tree))
        except TnetstringError:
            # Damaged on purpose: what stands before the damage is as good as any.
            continue
    return [tree for trees in found.values() for _, tree in _shortest(trees)]


def _tree(value: Value) -> Tree:
    if isinstance(value, dict):
        return {key.decode("latin-1"): _tree(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_tree(each) for each in value]
    return value


@cache
def entries() -> list[Tree]:
    """The entries of HAR files: of each file the shortest."""
    found: list[Tree] = []
    for path in sorted(CAPTURES.glob("har/*.har")):
        try:
            listed = json.loads(path.read_text("utf-8-sig"))["log"]["entries"]
        except (ValueError, KeyError):
            # Files that are no HAR, as their names say.
            continue
        sized = [(len(json.dumps(entry)), cast(Tree, entry)) for entry in listed]
        found += [entry for size, entry in _shortest(sized) if size < _LONG // 8]
    return found


@cache
def goreplay() -> list[bytes]:
    """GoReplay files: a few records each, and small ones that are framed oddly."""
    found = [_recorded(record) for record in _RECORDS]
    for path in sorted(CAPTURES.glob("goreplay/*.gor")):
        records = [each + SEPARATOR for each in path.read_bytes().split(SEPARATOR) if each]
        pairs = [b"".join(records[at : at + 2]) for at in range(0, len(records), 2)]
        found += [pair for _, pair in _shortest([(len(pair), pair) for pair in pairs], 10)]
    return found


def _recorded(payloads: tuple[bytes, ...]) -> bytes:
    made = b""
    for at, payload in enumerate(payloads):
        kind = 2 if payload.startswith(b"HTTP") else 1
        made += b"%d a%d 170000000000000000%d 0\n%b%b" % (kind, at // 2, at, payload, SEPARATOR)
    return made


_RECORDS = (
    (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
    (b"GET /1 HTTP/1.1\nHost: a\n\nGET /2 HTTP/1.1\nHost: a\n\n",),
    (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (b"PUT /x HTTP/1.0\r\nA: b\r\n c\r\nContent-Length: 20\r\n\r\n12\n\xf0\x9f\x90\xb5\nend",),
    (
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n",
    ),
)


@cache
def items() -> list[Tree]:
    """The items of Burp exports, as fields: bytes are written in base64, text as it is."""
    found: list[Tree] = []
    for path in sorted(CAPTURES.glob("burp/*.xml")):
        for item in re.findall(r"<item>(.*?)</item>", path.read_text(), re.DOTALL)[:20]:
            named = dict(re.findall(r"<(\w+)[^>]*>(?:<!\[CDATA\[)?([^<\]]*)", item))
            found.append(cast(Tree, named | {"request": base64.b64decode(named["request"])}))
    short: dict[str, Tree] = {
        "time": "Sun Mar 31 19:58:09 CDT 2019",
        "host": "a.test",
        "port": "443",
        "protocol": "https",
        "request": b"GET / HTTP/2\r\nHost: a.test\r\n\r\n",
        "response": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "comment": "one",
    }
    plain = "POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\na\nb"
    return [short, {**short, "request": plain}, {"request": short["request"]}, *found]


@cache
def archives() -> list[Tree]:
    """The files of SAZ archives by name: a session or two in each."""
    found: list[Tree] = [dict(_SESSION)]
    for path in sorted(CAPTURES.glob("saz/*.saz")):
        sessions: dict[str, dict[str, Any]] = defaultdict(dict)
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename.startswith("raw/") and 0 < info.file_size < _LONG // 8:
                    sessions[info.filename[:6]][info.filename] = archive.read(info)
        found += sessions.values()
    return found


_DETAILS = b"""<?xml version="1.0" encoding="utf-8"?><Session SID="1"><SessionTimers
ClientConnected="2020-09-01T13:57:00.1-04:00" ClientBeginRequest="2020-09-01T13:57:00.2Z"
/><SessionFlags><SessionFlag N="x-clientip" V="::1" /><SessionFlag N="x-clientport"
V="1" /></SessionFlags></Session>"""

_SESSION: dict[str, Tree] = {
    "raw/1_c.txt": b"GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "raw/1_m.xml": _DETAILS,
    "raw/1_s.txt": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "raw/2_c.txt": b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
}


@cache
def requests() -> list[bytes]:
    """Files of requests, written for an editor or as they were on the wire."""
    wire = b"POST /x HTTP/1.1\r\nhost: a.test\r\nContent-Length: 9\r\n\r\na\n### b\r\n"
    chunked = b"PUT /y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    return [
        *_REQUESTS,
        wire,
        wire + chunked + wire,
        wire + b"\r\n### next\r\nGET http://b.test/z\n",
    ]


_REQUESTS = (
    b"""# Shop
@host = https://shop.test
@key=k-1

### List
GET {{host}}/items
    ?page=2
    &size=5 HTTP/1.1
Accept: application/json
# a comment
X-Key: {{ key }}

###
# @name add
POST {{host}}/items
Content-Type: application/json

{"a": 1}
""",
    b"### gone\nDELETE http://u:p@a.test:8080/items/7#x\nHost: other.test\n",
    b"""POST http://a.test/
Content-Type: multipart/form-data; boundary=b

--b

< ./file
--b--
""",
    b"""POST a.test/x
Content-Type: application/x-www-form-urlencoded

a=1
&b=2

> {% client %}
""",
    b"GET https://[::1]:8443/?q HTTP/2\n\n",
)


@cache
def commands() -> list[bytes]:
    """Commands of curl: of browsers, of mitmproxy, and as they are typed."""
    found = list(_COMMANDS)
    for path in sorted(CAPTURES.glob("curl/*.json")):
        listed = json.loads(path.read_text())
        found += [each["command"].encode() for each in listed if len(each["command"]) < _LONG // 20]
    return found


_COMMANDS = (
    b"#1700000000\ncurl https://a.test/x\n: 1700000000:0;curl -I b.test\n",
    b"curl 'http://a.test/' -H 'A: b' -H 'C;' --data-raw $'a\\u00e9\\n' --compressed\n",
    b'if x; then curl -sS -F a=b -F "c=@f;type=text/plain" -F "d=\\"e\\";filename=g" $URL; fi\n',
    b"curl -d \"$(printf 'a\\x00%s' b)\" -G --url-query q=1 --next a.test -T - <<EOF\nx\nEOF\n",
    b"echo x | curl --json @- --oauth2-bearer t --http2 https://u:p@a.test/../b?c#d\n",
)


def _shortest(sized: list[tuple[int, Any]], count: int = _PER_KIND) -> list[tuple[int, Any]]:
    return sorted(sized, key=lambda each: each[0])[:count]

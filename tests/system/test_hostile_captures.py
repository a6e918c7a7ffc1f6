"""Captures that somebody made to hurt, by name: each is refused, or read, in little time and
memory, and costs nobody else anything.

What each format makes of damage is tested beside it; `make fuzz` makes more of them.
"""

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from flowreplay.v1 import replay_pb2

from replayd.formats import Format
from replayd.reasons import Reason
from tests.support.calls import enqueue_capture
from tests.support.captures import FOLDER
from tests.support.daemon import Daemon
from tools.fuzz.enqueue import Way, enqueue
from tools.fuzz.limits import limited_time

MIB = 1 << 20
SECONDS = 5.0
"""Of processor time."""
MEMORY = 40 * MIB
LARGE = {"a-zip-bomb": 220 * MIB}
"""A message of an archive may have 96 MiB, and is in memory twice."""

DAMAGED = "damaged_capture"
UNKNOWN = "unknown_format"


def har(entry: bytes, count: int = 1) -> bytes:
    """A HAR of this entry, so many times."""
    return b'{"log":{"version":"1.2","entries":[' + b",".join([entry] * count) + b"]}}"


def entry(**request: object) -> bytes:
    """A HAR's entry."""
    given = {"method": "GET", "url": "http://a.test/", "httpVersion": "HTTP/1.1", "headers": []}
    return json.dumps({"request": {**given, **request}}).encode()


def bomb(begin: bytes, size: int) -> bytes:
    """Gzip of so many MiB of blanks, which are never in memory."""
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(begin) + b"".join(packer.compress(b" " * MIB) for _ in range(size))
    return packed + packer.flush()


def archive(name: str, size: int, times: int = 1) -> bytes:
    """A Fiddler archive whose file holds so many zeros, so many times."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(times):
            with made.open(name % number, "w") as file:
                for _ in range(size // MIB):
                    file.write(bytes(MIB))
    return packed.getvalue()


def text(post: str, **data: object) -> bytes:
    """An entry that posts a text."""
    return entry(method="POST", postData={"mimeType": "text/plain", "text": post, **data})


DUMP = (FOLDER / "rec-basic.mitm").read_bytes()
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE items [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b']><items burpVersion="1"><item><request>&j;</request></item></items>'
)

CAPTURES: dict[str, tuple[Format | None, Callable[[], bytes], str]] = {
    # JSON.
    "a-million-brackets": (Format.HAR, lambda: har(b"[" * MIB), DAMAGED),
    "a-million-objects-deep": (Format.HAR, lambda: har(b'{"a":' * MIB), DAMAGED),
    "brackets-before-the-log": (Format.HAR, lambda: b"[" * MIB, DAMAGED),
    "an-integer-of-a-million-digits": (
        Format.HAR, lambda: har(entry()[:-1] + b',"time":' + b"9" * MIB + b"}"), "no flows",
    ),
    "a-port-of-a-million-digits": (
        Format.HAR, lambda: har(entry(url="http://a.test:" + "9" * MIB + "/")), "no flows",
    ),
    "twenty-thousand-nothings": (Format.HAR, lambda: har(b"{}", 20_000), "no flows"),
    "no-numbers": (
        Format.HAR,
        lambda: har(entry()[:-1] + b',"time":NaN,"startedDateTime":Infinity}'),
        "accepted",
    ),
    "a-key-twice": (Format.HAR, lambda: har(b'{"request":1,' + entry()[1:]), "no flows"),
    "a-lone-surrogate": (Format.HAR, lambda: har(text("\ud800")), "no flows"),
    "a-lone-surrogate-in-the-host": (
        Format.HAR, lambda: har(entry(url="http://a\ud800.test/")), "no flows",
    ),
    "lax-base64": (Format.HAR, lambda: har(text("YW=Jj", encoding="base64")), "no flows"),
    "a-string-without-end": (Format.HAR, lambda: har(b'"' + b"\\u0041" * MIB)[:-3], DAMAGED),
    "a-byte-that-is-no-utf-8": (Format.HAR, lambda: har(b'{"request":"\xff\xfe"}'), "no flows"),
    # tnetstrings.
    "a-length-of-12-digits": (Format.MITMPROXY, lambda: b"999999999999:", DAMAGED),
    "a-length-of-a-million-digits": (Format.MITMPROXY, lambda: b"9" * MIB + b":", DAMAGED),
    "more-than-there-is": (Format.MITMPROXY, lambda: b"1000000:abc,", DAMAGED),
    "lists-in-lists": (Format.MITMPROXY, lambda: nested(20_000), DAMAGED),
    "an-odd-dictionary": (Format.MITMPROXY, lambda: b"3:1:a,}", DAMAGED),
    "a-number-of-a-million-digits": (
        Format.MITMPROXY, lambda: b"%d:%b}" % (MIB + 18, b"7:version,%d:%b#" % (MIB, b"9" * MIB)),
        DAMAGED,
    ),
    "a-version-of-nobody": (Format.MITMPROXY, lambda: b"14:7:version,2:99#}", DAMAGED),
    "the-last-record-cut": (Format.MITMPROXY, lambda: DUMP[:-50], DAMAGED),
    # Packed.
    "a-gzip-bomb": (None, lambda: bomb(b"", 48), UNKNOWN),
    "a-gzip-bomb-of-a-har": (
        Format.HAR, lambda: bomb(har(b"{}")[:-3], 48), DAMAGED,
    ),
    "a-zlib-bomb": (Format.HAR, lambda: zlib.compress(b"[" * (4 * MIB)), DAMAGED),
    "gzip-in-gzip": (None, lambda: gzip.compress(gzip.compress(bytes(MIB))), UNKNOWN),
    "gzip-cut": (Format.HAR, lambda: gzip.compress(har(entry(), 1000))[:-20], DAMAGED),
    "a-zip-bomb": (Format.SAZ, lambda: archive("raw/%d_c.txt", 100 * MIB), DAMAGED),
    "ten-thousand-files": (Format.SAZ, lambda: archive("raw/%d_x.txt", 0, 3000), UNKNOWN),
    "no-zip": (Format.SAZ, lambda: b"PK\3\4" + bytes(1000), DAMAGED),
    # XML.
    "a-billion-laughs": (Format.BURP, lambda: LAUGHS, DAMAGED),
    "a-file-of-ours": (
        Format.BURP,
        lambda: b'<!DOCTYPE items [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        b'<items burpVersion="1"><item><request>&a;</request></item></items>',
        DAMAGED,
    ),
    "tags-in-tags": (Format.BURP, lambda: b"<items>" + b"<item>" * 100_000, DAMAGED),
    "a-tag-without-end": (Format.BURP, lambda: b"<items " + b"a" * (2 * MIB), DAMAGED),
    "lax-base64-in-xml": (
        Format.BURP,
        lambda: b'<items burpVersion="1"><item>'
        b'<request base64="true">R=E!</request></item></items>',
        "no flows",
    ),
    # Texts.
    "a-curl-of-a-billion-urls": (
        Format.CURL, lambda: b"curl http://a.test/[1-100000]/[1-100000]", "no flows",
    ),
    "quotes-without-end": (Format.CURL, lambda: b"curl '" + b"x" * MIB, DAMAGED),
    "variables-of-variables": (
        Format.HTTP,
        lambda: b"@a0 = ha\n"
        + b"".join(b"@a%d = %b\n" % (n, b"{{a%d}}" % (n - 1) * 10) for n in range(1, 12))
        + b"GET http://a.test/{{a11}}\n",
        "no flows",
    ),
    "a-record-without-end": (Format.GOREPLAY, lambda: b"1 a1 1\n" + b"x" * (4 * MIB), "no flows"),
    "requests-without-answers": (
        Format.GOREPLAY,
        lambda: b"".join(
            b"1 %d 1\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n\n\xf0\x9f\x90\xb5\xf0\x9f\x99\x88"
            b"\xf0\x9f\x99\x89\n" % n for n in range(1500)
        ),
        "accepted",
    ),
    # What makes two requests of one.
    "a-line-end-in-the-method": (Format.HAR, lambda: har(entry(method="GET\r\nX")), "no flows"),
    "a-line-end-in-a-field": (
        Format.HAR,
        lambda: har(entry(headers=[{"name": "a", "value": "b\r\n\r\nGET /evil HTTP/1.1"}])),
        "no flows",
    ),
    "a-nul-in-the-target": (Format.HAR, lambda: har(entry(url="http://a.test/\0")), "no flows"),
    "nothing": (None, lambda: b"", "no flows"),
    "noise": (None, lambda: base64.b85decode("Xk~0{Zy<MXa%^M") * 1000, UNKNOWN),
}  # fmt: skip


def nested(depth: int) -> bytes:
    made = b"0:]"
    for _ in range(depth):
        made = b"%d:%b]" % (len(made), made)
    return made


def came_to(form: Format | None, data: bytes, *, salvage: bool = False) -> str:
    with limited_time(SECONDS):
        came = enqueue(data, Way(form, salvage=salvage))
    if isinstance(came, Reason):
        return came.name.lower()
    return "accepted" if came.accepted else "no flows"


def memory(name: str) -> int:
    """This process's memory, now (VmRSS) or at its peak (VmHWM), in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


@pytest.mark.parametrize("name", CAPTURES)
def test_each_is_taken_or_refused_within_its_limits(name: str) -> None:
    form, make, expected = CAPTURES[name]
    data = make()
    Path("/proc/self/clear_refs").write_text("5")  # The peak begins anew (proc(5)).
    before = memory("VmRSS")
    assert came_to(form, data) == expected
    assert memory("VmHWM") - before < LARGE.get(name, MEMORY)


def test_what_is_whole_before_the_cut_is_salvaged() -> None:
    assert came_to(Format.MITMPROXY, DUMP[:-50], salvage=True) == "accepted"


def test_a_daemon_goes_on_beside_them() -> None:
    """Each costs its own call and one decoder at most, also one that is killed for it."""
    with Daemon("--ephemeral", "--paused") as daemon:
        stub = daemon.stub()
        before = enqueue_capture(stub, DUMP).accepted_count
        for name in ("a-million-brackets", "a-length-of-12-digits", "a-billion-laughs"):
            with pytest.raises(grpc.RpcError) as caught:
                enqueue_capture(stub, CAPTURES[name][1]())
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name
        counts = stub.Count(replay_pb2.CountRequest())
        assert (counts.queued_count, counts.open_batch_count) == (before, 0)
        assert enqueue_capture(stub, DUMP).accepted_count == before

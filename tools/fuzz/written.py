"""Structures as the captures that they stand for, written well, whatever they hold."""

import base64
import io
import json
import zipfile
from random import Random
from typing import Any, cast

from replayd.formats.writers.tnetstring import tnetstring
from tools.fuzz.trees import Tree


def dump(flows: list[Tree], _rng: Random) -> bytes:
    """Writes a mitmproxy dump."""
    return b"".join(piece for flow in flows for piece in tnetstring(flow))


def har(entries: list[Tree], rng: Random) -> bytes:
    """Writes a HAR file."""

    def text(value: Any) -> str:
        return cast(bytes, value).decode("latin-1")

    document = {"log": {"version": "1.2", "pages": [], "entries": entries}}
    return json.dumps(document, default=text, ensure_ascii=rng.random() < 0.7).encode(
        "utf-8", "surrogatepass"
    )


def burp(items: list[Tree], _rng: Random) -> bytes:
    """Writes a Burp export."""
    made = b'<?xml version="1.0"?><!DOCTYPE items [\n]>\n<items burpVersion="1.7">'
    for item in items:
        fields = item.items() if isinstance(item, dict) else ()
        made += b"<item>%b</item>" % b"".join(_field(name, value) for name, value in fields)
    return made + b"</items>"


def _field(name: str, value: Tree) -> bytes:
    tag = name.encode("utf-8", "replace")
    if isinstance(value, bytes):
        packed = base64.b64encode(value)
        return b'<%b base64="true"><![CDATA[%b]]></%b>' % (tag, packed, tag)
    text = value if isinstance(value, str) else repr(value)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").encode("utf-8", "replace")
    return b"<%b>%b</%b>" % (tag, escaped, tag)


def archive(archives: list[Tree], rng: Random) -> bytes:
    """Writes a SAZ archive."""
    made = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if rng.random() < 0.3 else zipfile.ZIP_STORED
    with zipfile.ZipFile(made, "w") as out:
        for files in archives:
            for name, data in files.items() if isinstance(files, dict) else ():
                content = data if isinstance(data, bytes) else repr(data).encode("utf-8", "replace")
                named = name.encode("utf-8", "replace").decode().replace("\0", "_")[:1000]
                info = zipfile.ZipInfo(named or "_")
                if info.filename not in out.NameToInfo:
                    out.writestr(info, content, method)
    return made.getvalue()

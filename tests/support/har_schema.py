"""HAR 1.2 as a JSON schema, after the specification (W3C draft of 2012, and Jan Odvarko's text)."""

from typing import Any

import jsonschema

Schema = dict[str, Any]

_DATE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_TEXT: Schema = {"type": "string"}
_SIZE: Schema = {"type": "integer", "minimum": -1}
_LENGTH: Schema = {"type": "number", "minimum": 0}
_OPTIONAL_LENGTH: Schema = {"type": "number", "minimum": -1}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    """An object; what is ours begins with an underscore, and anything may have a comment."""
    known = {**required, **(optional or {}), "comment": _TEXT}
    return {
        "type": "object",
        "required": list(required),
        "properties": known,
        "patternProperties": {"^_": {}},
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


_PAIR = _object({"name": _TEXT, "value": _TEXT})
_COOKIE = _object(
    {"name": _TEXT, "value": _TEXT},
    {
        "path": _TEXT,
        "domain": _TEXT,
        "expires": {"type": "string", "pattern": _DATE},
        "httpOnly": {"type": "boolean"},
        "secure": {"type": "boolean"},
    },
)
_POST_DATA = _object(
    {"mimeType": _TEXT},
    # `encoding` is not in HAR 1.2: without it a binary content could not be held.
    {"params": _list(_PAIR), "text": _TEXT, "encoding": {"const": "base64"}},
)
_CONTENT = _object(
    {"size": _SIZE, "mimeType": _TEXT},
    {"compression": {"type": "integer"}, "text": _TEXT, "encoding": {"const": "base64"}},
)
_MESSAGE: Schema = {
    "httpVersion": _TEXT,
    "cookies": _list(_COOKIE),
    "headers": _list(_PAIR),
    "headersSize": _SIZE,
    "bodySize": _SIZE,
}
_REQUEST = _object(
    {
        **_MESSAGE,
        "method": _TEXT,
        "url": {"type": "string", "pattern": "^https?://[^/]+/"},
        "queryString": _list(_PAIR),
    },
    {"postData": _POST_DATA},
)
_RESPONSE = _object(
    {
        **_MESSAGE,
        "status": {"type": "integer", "minimum": 0},
        "statusText": _TEXT,
        "content": _CONTENT,
        "redirectURL": _TEXT,
    }
)
_TIMINGS = _object(
    {"send": _LENGTH, "wait": _LENGTH, "receive": _LENGTH},
    dict.fromkeys(("blocked", "dns", "connect", "ssl"), _OPTIONAL_LENGTH),
)
_ENTRY = _object(
    {
        "startedDateTime": {"type": "string", "pattern": _DATE},
        "time": _LENGTH,
        "request": _REQUEST,
        "response": _RESPONSE,
        "cache": {"type": "object", "maxProperties": 0},
        "timings": _TIMINGS,
    },
    {"pageref": _TEXT, "serverIPAddress": _TEXT, "connection": _TEXT},
)
_LOG = _object(
    {
        "version": {"const": "1.2"},
        "creator": _object({"name": _TEXT, "version": _TEXT}),
        "entries": _list(_ENTRY),
    },
    {"pages": {"type": "array", "maxItems": 0}},
)
_HAR = _object({"log": _LOG})


def check_har(har: Any) -> None:
    """Raises when it is no HAR 1.2; what a time is made of must add up to it."""
    jsonschema.validate(har, _HAR)
    for entry in har["log"]["entries"]:
        parts = [length for name, length in entry["timings"].items() if name != "ssl"]
        whole = sum(length for length in parts if length > 0)
        assert abs(whole - entry["time"]) < 0.001, entry["timings"]

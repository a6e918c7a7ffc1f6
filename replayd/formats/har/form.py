"""A form's content, put together from the parameters that are all a HAR has of it.

`application/x-www-form-urlencoded` as in the URL standard, `multipart/form-data` as in
RFC 7578 and the HTML standard. Where the size is known it decides whether parameters
stand encoded or decoded, which tools do either way.
"""

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote_plus

from replayd.formats.fields import FieldError
from replayd.formats.har import values
from replayd.formats.har.values import Object
from replayd.formats.multipart import Part, multipart
from replayd.model.flow import Headers

_URLENCODED = b"application/x-www-form-urlencoded"
_BOUNDARY = re.compile(
    rb";\s*boundary\s*=\s*(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE
)

_SAFE = "*-._"
"""What the URL standard's serializer leaves as it is, beside letters and digits."""


class _Parameter(NamedTuple):
    name: str
    value: str | None
    """None: a file whose content the HAR does not have."""
    file_name: str | None
    content_type: str


def assemble(
    post: Object, headers: Headers, size: int, note: Callable[[str], None]
) -> tuple[bytes | None, Headers]:
    """Returns the content and the fields that fit it; None where a file's content is missing.

    `size` is how many bytes it should have, below 1 where that is unknown.
    """
    parameters = [_parameter(each, at) for at, each in enumerate(_listed(post))]
    mime_type = values.content_type(headers, post)
    if mime_type.lower().lstrip().startswith(b"multipart/"):
        if any(parameter.value is None for parameter in parameters):
            note("the HAR does not have the content of a file that the form sent")
            return None, headers
        boundary, mime_type = _boundary(parameters, mime_type)
        made = multipart(map(_part, parameters), boundary)
    else:
        mime_type = mime_type or _URLENCODED
        made = _urlencoded(parameters, size)
    note("the request's content was put together from its params")
    return made, _with_content_type(headers, mime_type)


def _listed(post: Object) -> list[Object]:
    listed = post["params"]
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise FieldError("'params' must be a list of objects")
    return listed


def _parameter(given: Object, position: int) -> _Parameter:
    if not isinstance(given.get("name"), str):
        raise FieldError(f"params[{position}] has no name")
    file_name = values.optional_text(given, "fileName") or None
    known = given.get("value") is not None or file_name is None
    return _Parameter(
        given["name"],
        values.optional_text(given, "value") if known else None,
        file_name,
        values.optional_text(given, "contentType"),
    )


def _urlencoded(parameters: list[_Parameter], size: int) -> bytes:
    pairs = [(parameter.name, parameter.value or "") for parameter in parameters]
    encoded = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs).encode()
    as_given = values.octets("&".join(f"{name}={value}" for name, value in pairs), "'params'")
    return as_given if len(encoded) != size == len(as_given) else encoded


def _quoted(said: str) -> str:
    return quote_plus(values.octets(said, "'params'"), safe=_SAFE).replace("~", "%7E")


def _boundary(parameters: list[_Parameter], mime_type: bytes) -> tuple[bytes, bytes]:
    """Returns the boundary, and the Content-Type that has it: made up where it is not said."""
    found = _BOUNDARY.search(mime_type)
    if found is not None:
        return found[1] or found[2], mime_type
    digest = hashlib.sha256(repr(parameters).encode("ascii", "backslashreplace")).hexdigest()
    boundary = f"----------------------------{digest[:16]}".encode()
    return boundary, mime_type.rstrip(b" ;") + b"; boundary=" + boundary


def _part(parameter: _Parameter) -> Part:
    file_name = parameter.file_name
    return Part(
        name=values.octets(parameter.name, "'params'"),
        content=values.octets(parameter.value or "", "'params'"),
        file_name=None if file_name is None else values.octets(file_name, "'params'"),
        content_type=values.octets(parameter.content_type, "'params'"),
    )


def _with_content_type(headers: Headers, mime_type: bytes) -> Headers:
    """Makes the Content-Type field say this; added at the end where there is none."""
    changed = tuple(
        (name, mime_type if name.strip().lower() == b"content-type" else value)
        for name, value in headers
    )
    if any(name.strip().lower() == b"content-type" for name, _ in changed):
        return changed
    return (*changed, (b"Content-Type", mime_type))

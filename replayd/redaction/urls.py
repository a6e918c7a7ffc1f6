"""URLs and what is written as they are: userinfo, queries, fragments, forms."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from replayd.redaction.marks import PATTERN, Marks

_USERINFO = re.compile(rb"((?:^|[a-z0-9+.\-]:)//|^)([^/?#@\s]+)@", re.IGNORECASE)
_SPECIAL = re.compile(rb"[@?#;=]")
_PIECE = re.compile(rb'(?:[^&;#\s<>"\xe2]++|%b|\xe2)++' % PATTERN)
"""What may be a name and its value, a mark in it or not; `\xe2` is how a mark begins."""
_ENCODED_PAIR = re.compile(
    rb"(?<![\w\-.])([\w\-.]{1,64}+)%3D((?:(?!%26|%23)[^&;#\s<>\"])*)", re.IGNORECASE
)
"""In the value of another one, such as of `redirect_uri`."""

Judge = Callable[[bytes], bool]


def is_plain(part: bytes) -> bool:
    """Tells whether `redact_url` changes nothing for this part of a URL, or of what holds one."""
    return _SPECIAL.search(part) is None


def redact_url(url: bytes, is_secret: Judge, mark: Marks) -> bytes:
    """Returns a URL, or a header field that holds some, without its secrets: the userinfo,
    and the values of parameters wherever they stand (query, fragment, path).
    """
    if is_plain(url):
        return url
    if b"@" in url:
        url = _USERINFO.sub(lambda found: found[1] + mark(found[2]) + b"@", url)
    return redact_pairs(url, is_secret, mark) if b"=" in url else url


def redact_pairs(text: bytes, is_secret: Judge, mark: Marks) -> bytes:
    """Returns `name=value` pairs, as of a form, with marks for the values of secrets."""

    def shown(found: re.Match[bytes]) -> bytes:
        piece = found[0]
        if b"=" not in piece:
            return piece
        parts = piece.split(b"=")
        # The value of one name may hold other names: `to=/?token=x`.
        for at, part in enumerate(parts[:-1]):
            name = part.rpartition(b"?")[2]
            if is_secret(unquote_to_bytes(name) if b"%" in name else name):
                return b"=".join((*parts[: at + 1], mark(b"=".join(parts[at + 1 :]))))
        return _ENCODED_PAIR.sub(shown_encoded, piece) if b"%3" in piece else piece

    def shown_encoded(found: re.Match[bytes]) -> bytes:
        name, value = found.groups()
        return found[0].removesuffix(value) + mark(value) if is_secret(name) else found[0]

    return _PIECE.sub(shown, text)

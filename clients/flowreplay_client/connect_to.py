"""Reads curl's way to say which address to dial in place of which target.

`[SCHEME://][HOST][:PORT]=HOST:PORT`: empty parts on the left match all.
"""

import re

from flowreplay.v1.replay_pb2 import ConnectTo

_HOST = r"\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^\[\]:/=\s]*"
_LEFT = re.compile(rf"(?:(?P<scheme>[A-Za-z]+)://)?(?P<host>{_HOST})(?::(?P<port>[^:]*))?")
_RIGHT = re.compile(rf"(?P<host>{_HOST}):(?P<port>[^:]+)")


def parse_connect_to(text: str) -> ConnectTo:
    """Reads one rule; raises ValueError that says which part is wrong."""
    left, equals, right = text.partition("=")
    if not equals:
        raise ValueError(
            f"{text!r} has no '='; write [SCHEME://][HOST][:PORT]=HOST:PORT, "
            "such as api.example.com:443=127.0.0.1:8443"
        )
    match, dial = _LEFT.fullmatch(left), _RIGHT.fullmatch(right)
    if match is None:
        raise ValueError(
            f"{left!r}, before the '=' in {text!r}, is not [SCHEME://][HOST][:PORT] "
            "(an IPv6 host stands in brackets)"
        )
    if dial is None or not dial["host"]:
        raise ValueError(f"{right!r}, after the '=' in {text!r}, is not HOST:PORT")
    return ConnectTo(
        scheme=_scheme(match["scheme"] or "", text),
        host=match["host"].strip("[]"),
        port=_port(match["port"], text) if match["port"] else 0,
        dial_host=dial["host"].strip("[]"),
        dial_port=_port(dial["port"], text),
    )


def _scheme(scheme: str, text: str) -> str:
    if scheme.lower() not in ("", "http", "https"):
        raise ValueError(f"the scheme {scheme!r} in {text!r} is neither http nor https")
    return scheme.lower()


def _port(port: str, text: str) -> int:
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"the port {port!r} in {text!r} is not a number from 1 to 65535")
    return int(port)

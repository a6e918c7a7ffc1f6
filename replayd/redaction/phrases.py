"""The reason phrases that servers usually send."""

from http import HTTPStatus

_OLDER = (
    "",
    "Connection established",
    "Connection Established",
    "Moved Temporarily",
    "Request Entity Too Large",
    "Payload Too Large",
    "Content Too Large",
    "Request-URI Too Large",
    "Request-URI Too Long",
    "URI Too Long",
    "Request Time-out",
    "Request Timeout",
    "Gateway Time-out",
    "Requested Range Not Satisfiable",
    "Requested range not satisfiable",
    "Range Not Satisfiable",
    "Unprocessable Content",
    "Service Temporarily Unavailable",
    "Authorization Required",
    "I'm a teapot",
    "No Reason Phrase",
    "OK",
    "Ok",
    "Web Socket Protocol Handshake",
    "WebSocket Protocol Handshake",
)
"""Those of older standards, and of servers that are everywhere."""

PHRASES = frozenset(
    phrase.encode()
    for status in HTTPStatus
    for phrase in (status.phrase, status.phrase.upper(), status.phrase.lower())
) | {phrase.encode() for phrase in _OLDER}

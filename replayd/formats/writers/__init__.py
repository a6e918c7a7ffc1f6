"""Replays to captures: what was captured and what came now, as the tools' own files have it.

`table` says which writer a format has. A writer is pure: it makes the bytes of one replay,
in pieces, so that a capture of any length is written in memory bounded by one replay.

`mitmproxy` flow dumps of version 21, on `tnetstring` (the encoding).
`har`       HAR 1.2, with `har_message` (requests and responses), `har_content` (contents),
            `har_websocket` (messages), `har_time` (dates and timings) and `json_pieces` (the
            encoding).
`goreplay`  GoReplay files.
"""

from replayd.formats.writers.table import WRITERS, Writer

__all__ = ["WRITERS", "Writer"]
